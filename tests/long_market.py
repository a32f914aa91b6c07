"""An endless seeded market at 60,000 with ticks of 0.01: three symbols, each with two quotes and two trades a second.

It is made in chunks, so that ten million bars fit: each chunk is a `Scene` whose positions count its own ticks.
Sessions last half an hour, with ten minutes between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from features.inputs import TickInputs
from schema.bars import BarFlag, Bars, empty_bars
from schema.items import KINDS, Items
from schema.ticks import QUOTE, TRADE
from tests.markets import FIRST_OPEN, SECOND, Scene, with_decays

SYMBOLS = 3
SESSION = 1_800  # seconds, of which each has a bar
PAUSE = 600
A_SECOND = 4  # ticks of a symbol: quote, trade, quote, trade
AN_ITEM = 3  # seconds from one item of a symbol to the next
REMEMBERED = 50 * 3_600 * SECOND  # items from before the bars that are kept: they are few
PER_UNIT = 100.0


def chunks(ends: Sequence[int]) -> Iterator[Scene]:
    """Yield the market up to second ends[0], from there to ends[1], and so on."""
    rng = np.random.default_rng(7)
    level, begin, last = np.full((SYMBOLS, 1), 6_000_000), 0, np.zeros((SYMBOLS, 2), np.int64)
    for end in ends:
        made = _chunk(rng, begin, end, level, last)
        yield made[0]
        level, begin = made[1], end


def _chunk(
    rng: np.random.Generator, begin: int, end: int, level: np.ndarray, last: np.ndarray
) -> tuple[Scene, np.ndarray]:
    n = end - begin
    second = np.arange(begin, end)
    session_open = FIRST_OPEN + second // SESSION * (SESSION + PAUSE) * SECOND
    start = session_open + second % SESSION * SECOND
    shape = (SYMBOLS, n, A_SECOND)
    within = np.sort(rng.integers(1, SECOND, shape), axis=2)
    if begin == 0:
        within[:, 0, 0] = 0
    moves = rng.integers(1, 7, shape) * rng.choice([-1, 1], shape)
    mid = level[:, :, None] + np.cumsum(moves.reshape(SYMBOLS, -1), axis=1).reshape(shape)
    half, side, lots = rng.integers(1, 4, shape), rng.choice([-1, 1], shape), 100.0 * rng.integers(1, 9, (2, *shape))
    quote = np.broadcast_to(np.arange(A_SECOND) % 2 == 0, shape)
    columns = {
        "time": start[None, :, None] + within,
        "symbol": np.broadcast_to(np.arange(SYMBOLS, dtype=np.int32)[:, None, None], shape),
        "kind": np.where(quote, QUOTE, TRADE).astype(np.uint8),
        "price": np.where(quote, np.nan, (mid + side * half) / PER_UNIT),
        "size": np.where(quote, np.nan, lots[0]),
        "bid": np.where(quote, (mid - half) / PER_UNIT, np.nan),
        "bid_size": np.where(quote, lots[0], np.nan),
        "ask": np.where(quote, (mid + half) / PER_UNIT, np.nan),
        "ask_size": np.where(quote, lots[1], np.nan),
        "side": np.where(quote, 0, side).astype(np.int8),
    }
    bars = _bars(columns, start, session_open)
    order = np.argsort(columns["time"].ravel(), kind="stable")
    ticks = with_decays({field: column.ravel()[order] for field, column in columns.items()}, last)
    bars = bars._replace(position=np.searchsorted(ticks.time, bars.time))
    return Scene(ticks, bars, SYMBOLS, (True,), _items(rng, start)), mid[:, -1, -1:]


def _bars(ticks: dict[str, np.ndarray], start: np.ndarray, session_open: np.ndarray) -> Bars:
    """Make the bars of each second; row k is symbol k % SYMBOLS of second k // SYMBOLS."""
    prices, sizes = ticks["price"][:, :, 1::2], ticks["size"][:, :, 1::2]
    bid, ask = ticks["bid"][:, :, 2], ticks["ask"][:, :, 2]
    columns = {
        "time": start + SECOND, "start": start, "symbol": np.arange(SYMBOLS)[:, None], "timeframe": 0, "sequence": 0,
        "open": prices[:, :, 0], "high": prices.max(axis=2), "low": prices.min(axis=2), "close": prices[:, :, 1],
        "volume": sizes.sum(axis=2), "notional": (prices * sizes).sum(axis=2), "trades": 2, "quotes": 2,
        "bid": bid, "bid_size": ticks["bid_size"][:, :, 2], "ask": ask, "ask_size": ticks["ask_size"][:, :, 2],
        "mid": (bid + ask) / 2, "flags": np.where(start == session_open, int(BarFlag.SESSION_FIRST), 0),
        "session_open": session_open, "session_close": session_open + SESSION * SECOND, "basis": 1.0,
    }  # fmt: skip
    return Bars(
        *(
            np.broadcast_to(columns.get(field, 0), (SYMBOLS, len(start))).T.ravel().astype(empty.dtype)
            for field, empty in zip(Bars._fields, empty_bars(0))
        )
    )


def _items(rng: np.random.Generator, start: np.ndarray) -> Items:
    """Publish an item a symbol at the start of each AN_ITEM-th second."""
    published = start[start // SECOND % AN_ITEM == 0]
    shape = (len(published), SYMBOLS)
    symbol = np.broadcast_to(np.arange(SYMBOLS, dtype=np.int32), shape)
    kind, score = rng.integers(0, len(KINDS), shape).astype(np.uint8), np.round(rng.uniform(-1, 1, shape), 2)
    return Items(np.repeat(published, SYMBOLS), symbol.ravel(), kind.ravel(), score.ravel())


def from_second(market: Scene, seconds: int) -> Scene:
    """Return the last `seconds` bar times of a market of one timeframe, as if nothing but items had been before."""
    bars = type(market.bars)(*(column[-seconds * SYMBOLS :] for column in market.bars))
    first = int(np.searchsorted(market.ticks.time, bars.start[0]))
    ticks = TickInputs(*(column[first:] for column in market.ticks))
    since = np.searchsorted(market.items.ts_event, bars.start[0] - REMEMBERED)
    items = Items(*(column[since:] for column in market.items))
    bars = bars._replace(position=np.searchsorted(ticks.time, bars.time))
    return replace(market, ticks=ticks, bars=bars, items=items)


def followed(before: Scene | None, after: Scene, keep: int) -> Scene:
    """Return the last `keep` seconds of a market and what follows it."""
    if before is None:
        return after
    ticks = TickInputs(*(np.concatenate(pair) for pair in zip(before.ticks, after.ticks)))
    bars = type(after.bars)(*(np.concatenate(pair) for pair in zip(before.bars, after.bars)))
    items = Items(*(np.concatenate(pair) for pair in zip(before.items, after.items)))
    bars = bars._replace(position=np.searchsorted(ticks.time, bars.time))
    whole = replace(after, ticks=ticks, bars=bars, items=items)
    return whole if len(bars.time) <= keep * SYMBOLS else from_second(whole, keep)
