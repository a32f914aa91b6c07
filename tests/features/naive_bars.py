"""Bars the slow way: collect the ticks of each interval, then look at them. One symbol, one timeframe."""

from __future__ import annotations

import math
from typing import NamedTuple

from features.sessions import Sessions
from schema.bars import BarFlag
from schema.ticks import TRADE
from schema.timeframes import BarKind, Timeframe


class NaiveTick(NamedTuple):
    time: int
    kind: int
    price: float
    size: float
    bid: float
    ask: float


class NaiveBar(NamedTuple):
    time: int
    start: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    quotes: int
    mid: float
    empty: bool
    quote_priced: bool


def intervals(timeframe: Timeframe, sessions: Sessions, first: int, last: int) -> list[tuple[int, int]]:
    """Every interval of the sessions between two times, in order."""
    found: list[tuple[int, int]] = []
    for k in range(len(sessions.start)):
        start, end = int(sessions.start[k]), int(sessions.end[k])
        if end <= first or start > last:
            continue
        if timeframe.kind is BarKind.INTERVAL:
            every = int(timeframe.every)
            found += [(at, min(at + every, end)) for at in range(start, end, every)]
        elif timeframe.kind is BarKind.DAY:
            found.append((start, end))
        else:
            ends = sessions.week_end if timeframe.kind is BarKind.WEEK else sessions.month_end
            found.append((start, int(ends[k])))
    return found


def naive_bars(ticks: list[NaiveTick], timeframe: Timeframe, sessions: Sessions, watermark: int) -> list[NaiveBar]:
    """Bars of one symbol's ordered ticks that ended by the watermark."""
    bars: list[NaiveBar] = []
    closed_until = 0
    for start, end in intervals(timeframe, sessions, ticks[0].time, watermark):
        if end > watermark or start < closed_until:
            continue
        session = next(k for k in range(len(sessions.start)) if sessions.start[k] <= start < sessions.end[k])
        in_session = [t for t in ticks if sessions.start[session] <= t.time < end]
        seen = [t for t in ticks if t.time < end]
        if not in_session or not any(_price(t, seen) is not None for t in seen):
            continue
        closed_until = end
        bars.append(_bar(start, end, seen))
    return bars


def _price(tick: NaiveTick, seen: list[NaiveTick]) -> float | None:
    if tick.kind == TRADE:
        return tick.price
    if any(t.kind == TRADE for t in seen):
        return None
    mid = 0.5 * (tick.bid + tick.ask)
    return None if math.isnan(mid) else mid


def _bar(start: int, end: int, seen: list[NaiveTick]) -> NaiveBar:
    inside = [t for t in seen if t.time >= start]
    traded = any(t.kind == TRADE for t in seen)
    prices = [p for t in inside if (p := _price(t, seen)) is not None]
    before = [p for t in seen if t.time < start and (p := _price(t, [u for u in seen if u.time < start])) is not None]
    shown = prices or before[-1:]
    trades = [t for t in inside if t.kind == TRADE]
    quotes = [t for t in seen if t.kind != TRADE]
    mid = 0.5 * (quotes[-1].bid + quotes[-1].ask) if quotes else math.nan
    return NaiveBar(
        end, start, shown[0], max(shown), min(shown), shown[-1], sum(t.size for t in trades), len(trades),
        len(inside) - len(trades), mid, not prices, not traded,
    )  # fmt: skip


def flags_of(bar: NaiveBar) -> int:
    """The flags that the naive bar knows of."""
    flags = BarFlag.EMPTY if bar.empty else BarFlag(0)
    if bar.quote_priced:
        flags |= BarFlag.QUOTE_PRICED
    if math.isnan(bar.mid):
        flags |= BarFlag.NO_QUOTE
    return int(flags)
