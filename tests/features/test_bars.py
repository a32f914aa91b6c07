"""Bars equal what collecting the ticks of each interval gives, whatever the cuts."""

from __future__ import annotations

import numpy as np
import pytest

from features.bar_kernel import Origin
from features.bars import BarBuilder
from features.event_time import H
from features.inputs import TickInputs
from features.sessions import DAY, Sessions, sessions_of, utc_sessions
from schema.bars import BarFlag, Bars, Phase, concat_bars
from schema.ticks import QUOTE, TRADE
from schema.timeframes import SECOND, parse_timeframe, parse_timeframes
from tests.features.naive_bars import NaiveTick, flags_of, naive_bars

T0 = 1_381_190_400 * SECOND  # 2013-10-08, a Tuesday
HOUR = 3_600 * SECOND
KNOWN = int(BarFlag.EMPTY | BarFlag.QUOTE_PRICED | BarFlag.NO_QUOTE)


def market(seed: int, n: int, span: int, symbols: int = 3) -> TickInputs:
    """Random ordered ticks: trades and quotes, ties in time, one symbol without trades, one without quotes."""
    rng = np.random.default_rng(seed)
    time = T0 + np.sort(rng.integers(0, span, n)) // 1_000_000 * 1_000_000
    symbol = rng.integers(0, symbols, n).astype(np.int32)
    kind = np.where(symbol == 0, QUOTE, np.where(symbol == 1, TRADE, rng.integers(0, 2, n))).astype(np.uint8)
    mid = 100.0 + 0.01 * np.cumsum(rng.integers(-2, 3, n))
    trade, quote = np.where(kind == TRADE, 1.0, np.nan), np.where(kind == QUOTE, 1.0, np.nan)
    unusable = np.where(rng.random(n) < 0.05, np.nan, 1.0)
    size = rng.integers(1, 50, n).astype(float)
    return TickInputs(
        time, symbol, kind, mid * trade, size * trade, (mid - 0.01) * quote * unusable, size * quote,
        (mid + 0.01) * quote * unusable, size * quote, np.zeros(n, np.int8), *np.zeros((2, n, H)),
    )  # fmt: skip


def build(ticks: TickInputs, names: str, sessions: Sessions, watermark: int, cuts: list[int]) -> Bars:
    """Run the builder over the ticks, cut into batches at the given places."""
    builder = BarBuilder(parse_timeframes(names), sessions)
    builder.grow(3)
    n, parts = len(ticks.time), []
    origin = Origin(np.zeros(n, np.int32), np.arange(n), np.zeros(n, np.int32))
    for first, last in zip([0, *cuts], [*cuts, n]):
        piece, where = TickInputs(*(c[first:last] for c in ticks)), Origin(*(c[first:last] for c in origin))
        mark = watermark if last == n else int(ticks.time[last - 1])
        parts.append(builder.step(piece, where, mark, np.array([2, 0, 1])))
    return concat_bars(parts)


def naive_ticks(ticks: TickInputs, symbol: int) -> list[NaiveTick]:
    return [
        NaiveTick(int(ticks.time[k]), int(ticks.kind[k]), *(float(c[k]) for c in (ticks.price, ticks.size, ticks.bid)),
                  float(ticks.ask[k]))
        for k in np.flatnonzero(ticks.symbol == symbol)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["1s", "7s", "1m", "1h", "1d", "1w", "1M"])
def test_time_bars_equal_the_naive_ones(name: str) -> None:
    coarse = name in ("1h", "1d", "1w", "1M")
    span = 40 * DAY if coarse else 400 * SECOND
    ticks, watermark = market(3, 300, span), T0 + span + 2 * SECOND
    sessions = utc_sessions(2013, 2014)
    if name in ("1w", "1M"):
        watermark = T0 + 60 * DAY
    bars = build(ticks, name, sessions, watermark, [])
    for symbol in range(3):
        expected = naive_bars(naive_ticks(ticks, symbol), parse_timeframe(name), sessions, watermark)
        rows = np.flatnonzero(bars.symbol == symbol)
        assert len(rows) == len(expected) > 0
        for row, bar in zip(rows, expected):
            got = tuple(getattr(bars, f)[row] for f in bar._fields[:9])
            assert got == pytest.approx(bar[:9], rel=1e-12, nan_ok=True)
            assert bars.mid[row] == pytest.approx(bar.mid, nan_ok=True)
            assert int(bars.flags[row]) & KNOWN == flags_of(bar)


def test_cuts_do_not_change_a_bit() -> None:
    ticks, sessions = market(5, 2_000, 300 * SECOND), utc_sessions(2013, 2013)
    names, watermark = "1s,10s,1m,tick:7,volume:200,dollar:5000", T0 + 301 * SECOND
    whole = build(ticks, names, sessions, watermark, [])
    rng = np.random.default_rng(11)
    for _ in range(5):
        cuts = np.unique(rng.integers(1, 2_000, 40)).tolist()
        cut = build(ticks, names, sessions, watermark, cuts)
        for field in Bars._fields:
            if field != "position":
                np.testing.assert_array_equal(getattr(whole, field), getattr(cut, field), err_msg=field)


def test_no_bar_contains_a_tick_from_its_future() -> None:
    ticks, sessions = market(7, 1_000, 100 * SECOND), utc_sessions(2013, 2013)
    full = build(ticks, "1s,5s,tick:3", sessions, T0 + 200 * SECOND, [])
    for stop in (250, 600, 901):
        head = TickInputs(*(column[:stop] for column in ticks))
        mark = int(ticks.time[stop - 1])
        short = build(head, "1s,5s,tick:3", sessions, mark, [])
        for field in Bars._fields:
            np.testing.assert_array_equal(getattr(full, field)[: len(short.time)], getattr(short, field))


def test_a_snapshot_between_two_batches_changes_nothing() -> None:
    ticks, sessions = market(9, 800, 90 * SECOND), utc_sessions(2013, 2013)
    whole = build(ticks, "1s,1m,tick:5", sessions, T0 + 91 * SECOND, [400])
    parts, state = [], None
    for first, last in ((0, 400), (400, 800)):
        builder = BarBuilder(parse_timeframes("1s,1m,tick:5"), sessions)
        builder.grow(3)
        if state is not None:
            builder.restore(state)
        piece = TickInputs(*(c[first:last] for c in ticks))
        where = Origin(np.zeros(400, np.int32), np.arange(first, last), np.zeros(400, np.int32))
        mark = T0 + 91 * SECOND if last == 800 else int(ticks.time[last - 1])
        parts.append(builder.step(piece, where, mark, np.array([2, 0, 1])))
        state = {key: value.copy() for key, value in builder.snapshot().items()}
    for a, b in zip(whole, concat_bars(parts)):
        np.testing.assert_array_equal(a, b)


def test_bars_of_one_time_come_in_the_order_of_timeframes_and_names() -> None:
    ticks, sessions = market(13, 500, 130 * SECOND), utc_sessions(2013, 2013)
    bars = build(ticks, "10s,1m", sessions, T0 + 130 * SECOND, [])
    rank = np.argsort(np.array([2, 0, 1]))
    order = np.lexsort((rank[bars.symbol], bars.timeframe, bars.time))
    np.testing.assert_array_equal(order, np.arange(len(order)))


def test_position_counts_the_ticks_before_the_close() -> None:
    ticks, sessions = market(15, 500, 60 * SECOND), utc_sessions(2013, 2013)
    bars = build(ticks, "1s", sessions, T0 + 60 * SECOND, [])
    np.testing.assert_array_equal(bars.position, np.searchsorted(ticks.time, bars.time, side="left"))


def test_activity_bars_close_with_the_trade_that_fills_them() -> None:
    ticks, sessions = market(17, 900, 60 * SECOND), utc_sessions(2013, 2013)
    bars = build(ticks, "tick:4,volume:100", sessions, T0 + 60 * SECOND, [])
    by_count, by_volume = bars.timeframe == 0, bars.timeframe == 1
    assert np.all(bars.trades[by_count] == 4)
    assert np.all(bars.volume[by_volume] >= 100)
    last = bars.position[by_volume] - 1
    assert np.all(bars.volume[by_volume] - ticks.size[last] < 100)
    for symbol in (1, 2):
        rows = by_count & (bars.symbol == symbol)
        traded = int(np.sum((ticks.symbol == symbol) & (ticks.kind == TRADE)))
        assert rows.sum() == traded // 4
        np.testing.assert_array_equal(bars.sequence[rows], np.arange(1, traded // 4 + 1))


def test_sessions_bound_bars_and_name_their_phase() -> None:
    days = np.array([15_986, 15_987])  # 2013-10-08 and 09
    start = days * DAY + 8 * HOUR
    sessions = sessions_of(start, start + HOUR, start + 2 * HOUR, start + 3 * HOUR, days)
    time = np.array([start[0] + 5 * SECOND, start[1] + 5 * SECOND])
    one = np.ones(2)
    nan = np.full(2, np.nan)
    ticks = TickInputs(time, np.zeros(2, np.int32), np.zeros(2, np.uint8), one, one, nan, nan, nan, nan,
                       np.zeros(2, np.int8), *np.zeros((2, 2, H)))  # fmt: skip
    bars = build(ticks, "45m,1d", sessions, int(sessions.end[1]), [])
    short = bars.timeframe == 0
    assert bars.time[short].tolist() == [int(s) + k * 2_700 * SECOND for s in start for k in (1, 2, 3, 4)]
    assert bars.phase[short].tolist() == [Phase.PRE, Phase.PRE, Phase.REGULAR, Phase.POST] * 2
    first = (bars.flags[short] & BarFlag.SESSION_FIRST) != 0
    assert first.tolist() == [True, False, False, False] * 2
    assert bars.time[~short].tolist() == sessions.end.tolist()


def test_only_what_began_before_the_stream_is_partial() -> None:
    ticks, sessions = market(19, 400, 60 * SECOND), utc_sessions(2013, 2013)
    late_start = TickInputs(*(column[ticks.time >= T0 + 3 * SECOND + 1] for column in ticks))
    bars = build(late_start, "10s", sessions, T0 + 60 * SECOND, [])
    partial = (bars.flags & BarFlag.PARTIAL) != 0
    np.testing.assert_array_equal(partial, bars.start < late_start.time[0])
    assert partial.any()
    assert not partial.all()


def test_a_bar_that_began_before_its_lane_is_partial() -> None:
    time = T0 + np.array([400, 1_200, 1_600, 2_500, 3_200]) * SECOND // 1_000
    lanes, symbols = np.array([0, 1, 0, 1, 0], np.int32), np.array([0, 1, 0, 1, 2], np.int32)
    ticks = market(1, 5, SECOND)._replace(time=time, symbol=symbols, kind=np.full(5, TRADE, np.uint8), price=np.ones(5))
    builder = BarBuilder(parse_timeframes("1s"), utc_sessions(2013, 2013), 2)
    builder.grow(3)
    bars = builder.step(ticks, Origin(lanes, np.arange(5), np.zeros(5, np.int32)), T0 + 5 * SECOND, np.arange(3))
    partial = bars.flags & int(BarFlag.PARTIAL) != 0
    found = list(zip(bars.symbol[partial].tolist(), (bars.time[partial] - T0).tolist()))
    assert found == [(0, SECOND), (1, 2 * SECOND)]
    assert 2 in bars.symbol  # whole from its first bar on: its lane had begun before
