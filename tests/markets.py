"""Seeded test markets: ticks, the bars that a naive builder makes of them, and both as kernels read them.

Prices are integer ticks divided by ticks a unit, so they are the floats nearest to their decimals. The hard markets
(`cents`, `bitcoin`, `fine`, `dust`) have everything a feed has: a symbol that only trades and one that is only
quoted, late starts, quiet stretches with empty bars, flat stretches, one-sided, locked and crossed quotes, trades of
size 0, two sessions with a night between, bars before the open and after the close. In the benign ones every input
is eligible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from features.bar_inputs import bar_inputs, new_series
from features.event_time import decays
from features.inputs import Closes, TickInputs
from schema.bars import BarFlag, Bars, Phase, empty_bars
from schema.items import KINDS, NO_ITEMS, Items
from schema.ticks import QUOTE, TRADE
from tests.oracles.registry import Market

SECOND = 1_000_000_000
FIRST_OPEN = 1_381_239_000 * SECOND  # 2013-10-08 13:30 UTC
BEFORE_MIDNIGHT = 1_330_473_420 * SECOND  # 2012-02-28 23:57 UTC
EXPIRY = 950_880_600 * SECOND  # 2000-02-18 13:30 UTC
DAY = 86_400 * SECOND
LOTS = 100.0


@dataclass(frozen=True)
class Scene:
    """A market before the derived columns: what the engine is fed with."""

    ticks: TickInputs
    bars: Bars
    n_symbols: int
    by_time: tuple[bool, ...]
    items: Items = NO_ITEMS
    leaders: tuple[int, ...] = (0, 1)

    @property
    def n_timeframes(self) -> int:
        return len(self.by_time)

    @property
    def closes(self) -> Closes:
        return Closes(*(getattr(self.bars, field) for field in Closes._fields))

    def market(self) -> Market:
        """Return it as oracles read it."""
        inputs = bar_inputs(new_series(self.n_symbols * self.n_timeframes), self.bars, self.n_timeframes)
        return Market(inputs, self.ticks, self.closes, self.n_symbols, self.n_timeframes, self.items, self.leaders)


@dataclass(frozen=True)
class Session:
    """Ticks come from `begin` to `end`; the regular session lies between `open` and `close` (ns UTC)."""

    begin: int
    open: int
    close: int
    end: int


@dataclass(frozen=True)
class Prices:
    """A price level: `level` ticks, of which `per_unit` make one unit of the quote currency."""

    level: int
    per_unit: float
    step: int  # the mid moves by up to so many ticks
    off_grid: float = 0.0  # every price is moved by up to so many ticks, to a multiple of 2^-20: no ties, few bits
    opens: int = FIRST_OPEN  # ns UTC: the first session


PRICES = {
    "cents": Prices(10_000, 1e2, 4),
    "bitcoin": Prices(6_000_000, 1e2, 3),
    "fine": Prices(600_000_000, 1e4, 3),
    "dust": Prices(12_345, 1e8, 9),
    "off_grid": Prices(10_000, 1e2, 4, 0.4),
    "midnight": Prices(10_000, 1e2, 4, opens=BEFORE_MIDNIGHT),
    "expiry": Prices(10_000, 1e2, 4, opens=EXPIRY),
    "benign": Prices(10_000, 1e2, 6),
    "every_tick": Prices(10_000, 1e2, 6),
}


@cache
def scene(name: str) -> Scene:
    """Return the named market.

    Price and tick are 100 and 0.01 in `cents`, 60,000 and 0.01 in `bitcoin`, 60,000 and 0.0001 in `fine`, 0.0001 and
    1e-8 in `dust`; in `off_grid` prices lie on no grid. `midnight` and `expiry` are `cents` on other dates: sessions
    pass midnight, one into a leap day; a third Friday of a leap year that 400 divides. `benign` has three symbols with
    bars of 1 s and 2 s in one long session, `days` three short sessions of the same, `every_tick` a bar after each
    tick.
    """
    if name == "benign":
        session = Session(FIRST_OPEN, FIRST_OPEN, FIRST_OPEN + 1_000 * SECOND, FIRST_OPEN + 1_000 * SECOND)
        ticks = _joined([_benign_ticks(symbol, session, PRICES[name]) for symbol in range(3)])
        return Scene(ticks, interval_bars(ticks, 3, [session], (1, 2)), 3, (True, True), _items(3, [session], 1))
    if name == "days":
        days = [
            Session(at, at, at + 180 * SECOND, at + 180 * SECOND) for at in range(FIRST_OPEN, FIRST_OPEN + 3 * DAY, DAY)
        ]
        ticks = _joined([_benign_ticks(symbol, day, PRICES["benign"]) for symbol in range(3) for day in days])
        return Scene(ticks, interval_bars(ticks, 3, days, (1, 2)), 3, (True, True), _items(3, days, 3))
    if name == "every_tick":
        session = Session(FIRST_OPEN, FIRST_OPEN, FIRST_OPEN + 500 * SECOND, FIRST_OPEN + 500 * SECOND)
        ticks = _joined([_benign_ticks(symbol, session, PRICES[name]) for symbol in range(2)])
        return Scene(ticks, _bar_a_tick(ticks, session), 2, (False,), _items(2, [session], 5))
    sessions = [
        Session(begin, begin + 20 * SECOND, begin + 290 * SECOND, begin + 310 * SECOND)
        for begin in (PRICES[name].opens - 20 * SECOND, PRICES[name].opens + DAY - 20 * SECOND)
    ]
    ticks = _joined([_hard_ticks(symbol, sessions, PRICES[name]) for symbol in range(5)])
    return Scene(ticks, interval_bars(ticks, 5, sessions, (1, 2)), 5, (True, True), _items(5, sessions, 7))


@cache
def market(name: str) -> Market:
    """Return the named market as oracles read it."""
    return scene(name).market()


TRADES_ONLY, QUOTES_ONLY, LATE = 2, 3, 1  # symbols of the hard markets


def _hard_ticks(symbol: int, sessions: list[Session], prices: Prices) -> dict[str, np.ndarray]:
    rng = np.random.default_rng([symbol, prices.level])
    times = []
    for session in sessions:
        n = 4 * (session.end - session.begin) // SECOND
        late = 40 * SECOND if symbol == LATE and session is sessions[0] else 0
        at = np.sort(rng.integers(session.begin + late, session.end, n))
        since = (at - session.begin) // SECOND
        times.append(at[~((since >= 100) & (since < 115)) & ~((since >= 200) & (rng.random(n) < 0.7))])
    time = np.concatenate(times)
    time[1::9] = time[:-1:9]  # ties
    n = len(time)
    since = (time - prices.opens) % DAY // SECOND
    moves = rng.integers(-prices.step, prices.step + 1, n) * (rng.random(n) < 0.5)
    moves[(since >= 120) & (since < 170)] = 0  # a flat stretch
    kind = np.where(rng.random(n) < 0.5, TRADE, QUOTE).astype(np.uint8)
    if symbol in (TRADES_ONLY, QUOTES_ONLY):
        kind[:] = TRADE if symbol == TRADES_ONLY else QUOTE
    half = rng.integers(1, 4, n)
    half[rng.random(n) < 0.03] = 0  # locked
    half[rng.random(n) < 0.005] = -1  # crossed
    flat = (since >= 120) & (since < 170)
    half[flat] = 1
    columns = _ticks(rng, symbol, time, kind, prices.level + np.cumsum(moves), half, prices.per_unit)
    if symbol != TRADES_ONLY:
        odd = (kind == QUOTE) & (rng.random(n) < 0.02)
        columns["bid"][odd] = columns["ask"][odd] = np.nan
    still = flat & (kind == TRADE)
    columns["price"][still] = (prices.level + np.cumsum(moves)[still]) / prices.per_unit
    for field in ("price", "bid", "ask"):
        moved = columns[field] + rng.uniform(-1, 1, n) * (prices.off_grid / prices.per_unit)
        columns[field] = np.round(moved * 2**20) / 2**20 if prices.off_grid else moved
    columns["size"][(kind == TRADE) & (rng.random(n) < 0.01)] = 0.0
    columns["side"][rng.random(n) < 0.1] = 0
    columns["side"][kind == QUOTE] = 0
    return columns


def _benign_ticks(symbol: int, session: Session, prices: Prices) -> dict[str, np.ndarray]:
    """Two quotes and two trades a second, the first at its very start; no two mids in a row are equal."""
    rng = np.random.default_rng([symbol, prices.level, 1])
    seconds = (session.end - session.begin) // SECOND
    within = np.sort(rng.integers(1, SECOND, (seconds, 4)), axis=1)
    within[0, 0] = 0
    time = (session.begin + np.arange(seconds)[:, None] * SECOND + within).ravel()
    kind = np.tile(np.array([QUOTE, TRADE, QUOTE, TRADE], np.uint8), seconds)
    moves = rng.integers(1, prices.step + 1, len(time)) * rng.choice([-1, 1], len(time))
    return _ticks(
        rng, symbol, time, kind, prices.level + np.cumsum(moves), rng.integers(1, 4, len(time)), prices.per_unit
    )


def _ticks(
    rng: np.random.Generator,
    symbol: int,
    time: np.ndarray,
    kind: np.ndarray,
    mid: np.ndarray,
    half: np.ndarray,
    per_unit: float,
) -> dict[str, np.ndarray]:
    """Quotes of `mid` ± `half` ticks; trades at the mid, or half a spread above or below it, with their side."""
    n, trade = len(time), kind == TRADE
    side = rng.choice([-1, 1], n)
    at = mid + side * half * (rng.random(n) < 0.8)
    return {
        "time": time,
        "symbol": np.full(n, symbol, np.int32),
        "kind": kind,
        "price": np.where(trade, at / per_unit, np.nan),
        "size": np.where(trade, LOTS * rng.integers(1, 9, n), np.nan),
        "bid": np.where(trade, np.nan, (mid - half) / per_unit),
        "bid_size": np.where(trade, np.nan, LOTS * rng.integers(1, 20, n)),
        "ask": np.where(trade, np.nan, (mid + half) / per_unit),
        "ask_size": np.where(trade, np.nan, LOTS * rng.integers(1, 20, n)),
        "side": np.where(trade, side, 0).astype(np.int8),
    }


def _items(n_symbols: int, sessions: list[Session], every: int) -> Items:
    """Scored items, about one a symbol in `every` seconds of a session and never two in one; some scores are 0.

    One a second alternates between the kinds, so that every second item is eligible for what needs one kind.
    """
    rng = np.random.default_rng([n_symbols, every])
    starts = np.concatenate([np.arange(s.begin, s.end, every * SECOND) for s in sessions])
    shape = (n_symbols, len(starts))
    published = starts + rng.integers(0, SECOND, shape)
    symbol = np.broadcast_to(np.arange(n_symbols, dtype=np.int32)[:, None], shape)
    score = np.round(rng.uniform(-1, 1, shape), 2) * (rng.random(shape) < 0.9)
    kind = rng.integers(0, len(KINDS), shape) if every > 1 else np.broadcast_to(np.arange(len(starts)) % 2, shape)
    order = np.argsort(published.ravel(), kind="stable")
    return Items(*(column.ravel()[order] for column in (published, symbol, kind.astype(np.uint8), score)))


def _joined(parts: list[dict[str, np.ndarray]]) -> TickInputs:
    """Merge the symbols' ticks by time; ties keep the symbols' order."""
    joined = {field: np.concatenate([part[field] for part in parts]) for field in parts[0]}
    order = np.argsort(joined["time"], kind="stable")
    return with_decays({field: column[order] for field, column in joined.items()}, np.zeros((len(parts), 2), np.int64))


def with_decays(columns: dict[str, np.ndarray], last: np.ndarray) -> TickInputs:
    """Complete ordered ticks; `last` (S, 2) are the times of each symbol's last trade and quote before, and after."""
    keep, gain = decays(last, columns["symbol"], columns["kind"], columns["time"])
    return TickInputs(**columns, keep=keep, gain=gain)


def as_bars(rows: list[dict[str, float]]) -> Bars:
    """Make bars of one dict a bar; a field not given is 0, the basis 1."""
    return Bars(
        *(
            np.array([row.get(field, field == "basis") for row in rows], dtype)
            for field, dtype in zip(Bars._fields, (column.dtype for column in empty_bars(0)))
        )
    )


def interval_bars(ticks: TickInputs, n_symbols: int, sessions: list[Session], seconds: tuple[int, ...]) -> Bars:
    """Build time bars naively: every interval from a symbol's first price of the stream to the session's end."""
    rows = [
        row
        for symbol in range(n_symbols)
        for timeframe, length in enumerate(seconds)
        for row in _bars_of(ticks, symbol, timeframe, sessions, length * SECOND)
    ]
    return as_bars(sorted(rows, key=lambda row: (row["time"], row["timeframe"], row["symbol"])))


def _bars_of(
    ticks: TickInputs, symbol: int, timeframe: int, sessions: list[Session], length: int
) -> list[dict[str, float]]:
    own = np.flatnonzero(ticks.symbol == symbol)
    time, rows = ticks.time[own], []
    price, bid, ask, traded = np.nan, np.nan, np.nan, False
    bid_size, ask_size = np.nan, np.nan
    for session in sessions:
        first_of_session = True
        for start in range(session.begin, session.end, length):
            close_time = start + length
            inside = own[np.searchsorted(time, start) : np.searchsorted(time, close_time)]
            paid, mids = [], []
            for t in inside:
                if ticks.kind[t] == TRADE:
                    paid.append((ticks.price[t], ticks.size[t]))
                else:
                    bid, ask, bid_size, ask_size = ticks.bid[t], ticks.ask[t], ticks.bid_size[t], ticks.ask_size[t]
                    mids += [] if np.isnan(bid) else [(bid + ask) / 2]
            traded = traded or bool(paid)
            path = [p for p, _ in paid] if traded else mids
            if not path and np.isnan(price):
                continue
            path = path or [price]
            price, quoted = path[-1], not np.isnan(bid)
            flags = BarFlag.EMPTY * (not paid) | BarFlag.QUOTE_PRICED * (not traded) | BarFlag.NO_QUOTE * (not quoted)
            phase = Phase.PRE if close_time <= session.open else Phase.POST if start >= session.close else Phase.REGULAR
            rows.append(
                {
                    "time": close_time, "start": start, "symbol": symbol, "timeframe": timeframe, "sequence": len(rows),
                    "open": path[0], "high": max(path), "low": min(path), "close": price,
                    "volume": sum(size for _, size in paid), "notional": sum(p * size for p, size in paid),
                    "trades": len(paid), "quotes": len(inside) - len(paid), "bid": bid,
                    "bid_size": bid_size if quoted else np.nan, "ask": ask,
                    "ask_size": ask_size if quoted else np.nan, "mid": (bid + ask) / 2,
                    "flags": flags | BarFlag.SESSION_FIRST * first_of_session, "phase": phase,
                    "session_open": session.open, "session_close": session.close,
                    "position": np.searchsorted(ticks.time, close_time),
                }
            )  # fmt: skip
            first_of_session = False
    return rows


def _bar_a_tick(ticks: TickInputs, session: Session) -> Bars:
    """One bar after each tick, of its price or mid, with the quote that stood then."""
    quotes: dict[int, int] = {}
    rows = []
    for t in range(len(ticks.time)):
        symbol, trade = int(ticks.symbol[t]), ticks.kind[t] == TRADE
        first = all(row["symbol"] != symbol for row in rows[:8])
        if not trade:
            quotes[symbol] = t
        q = quotes[symbol]
        mid = (ticks.bid[q] + ticks.ask[q]) / 2
        price, size = (ticks.price[t], ticks.size[t]) if trade else (mid, 0.0)
        rows.append(
            {
                "time": ticks.time[t] + 1, "start": ticks.time[t], "symbol": symbol, "sequence": t,
                "open": price, "high": price, "low": price, "close": price, "volume": size, "notional": price * size,
                "trades": int(trade), "quotes": int(not trade), "bid": ticks.bid[q], "bid_size": ticks.bid_size[q],
                "ask": ticks.ask[q], "ask_size": ticks.ask_size[q], "mid": mid,
                "flags": BarFlag.EMPTY * (not trade) | BarFlag.SESSION_FIRST * first, "phase": Phase.REGULAR,
                "session_open": session.open, "session_close": session.close, "position": t + 1,
            }
        )  # fmt: skip
    return as_bars(rows)
