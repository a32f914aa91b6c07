"""Coarser bars from finer ones: what the ticks themselves would have made, known no earlier.

A coarse bar has the boundaries that ticks give it: so many ns from its session's begin, or the end of the session, of
the week's last or the month's last session, so daylight saving and half days need no care here. It is given out when a
fine bar at or behind its boundary has closed, and never changes after that.

Sums of volume and notional are sums of sums: equal to those over ticks up to rounding, and exactly where sizes are
whole. All other fields are equal. Marks of a feed (gap, halt) are those of its parts.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.basis import PRICES, SIZES
from features.sessions import Sessions
from schema.bars import BarFlag, Bars, Phase, concat_bars, empty_bars, take_bars
from schema.ticks import Bool, Float64, Int32, Int64
from schema.timeframes import BarKind, Timeframe

_EMPTY, _PARTIAL, _QUOTED = int(BarFlag.EMPTY), int(BarFlag.PARTIAL), int(BarFlag.QUOTE_PRICED)
_FIRST, _AT_CLOSE = int(BarFlag.SESSION_FIRST), int(BarFlag.HALTED | BarFlag.NO_QUOTE | BarFlag.QUOTE_PRICED)
_ANY: Final = int(BarFlag.CORRECTED | BarFlag.INCOMPLETE | BarFlag.GAP)


class Resampler:
    """Turns one timeframe's bars into those of a coarser one, batch by batch."""

    def __init__(self, fine: Timeframe, coarse: Timeframe, sessions: Sessions, index: int = 0) -> None:
        """Make bars of `coarse`, the configured timeframe number `index`, from whole bar times of `fine`.

        Raises ValueError where these can't be cut into those.
        """
        whole = coarse.kind > fine.kind or (coarse.kind == fine.kind and coarse.every % fine.every == 0)
        if not (fine.by_time and coarse.by_time and whole and fine.kind <= BarKind.DAY):
            raise ValueError(
                f"resample: bars of {coarse.name} can't be made of bars of {fine.name}; expected a multiple of it, "
                "1d, 1w or 1M, made of seconds, minutes, hours or days"
            )
        self._coarse, self._sessions, self._index = coarse, sessions, index
        self._held = empty_bars(0)
        self._began = -1  # ns UTC: where the stream's first fine bar begins, 1 more where that one is partial
        self._group: dict[int, int] = {}  # boundary of open weeks and months -> where the first of their sessions began
        self._bars = np.zeros(0, np.int64)  # of each symbol
        self._session = np.full(0, -1)  # of each symbol's last bar

    def step(self, bars: Bars, rank: Int32) -> Bars:
        """Take whole bar times in stream order; return what they close, by time and the symbols' rank (S,)."""
        if not len(bars.time):
            return empty_bars(0)
        if self._began < 0:
            self._began = int(bars.start[0]) + int(bool(bars.flags[0] & _PARTIAL))
        held = concat_bars([self._held, bars])
        at = self._session_of(held)
        boundary = self._boundary(held, at)
        for k in np.unique(boundary, return_index=True)[1].tolist():
            self._group.setdefault(int(boundary[k]), int(self._sessions.start[at[k]]))
        closed = boundary <= bars.time[-1]
        self._held = take_bars(held, ~closed)
        return self._joined(take_bars(held, closed), boundary[closed], at[closed], rank)

    def _session_of(self, bars: Bars) -> Int64:
        return np.searchsorted(self._sessions.start, bars.time - 1, side="right") - 1

    def _boundary(self, bars: Bars, at: Int64) -> Int64:
        """Return when the coarse bar of each fine one closes."""
        sessions = self._sessions
        if self._coarse.kind == BarKind.INTERVAL:
            every, start = int(self._coarse.every), sessions.start[at]
            return np.minimum(start + ((bars.time - 1 - start) // every + 1) * every, sessions.end[at])
        ends = {BarKind.DAY: sessions.end, BarKind.WEEK: sessions.week_end, BarKind.MONTH: sessions.month_end}
        return ends[self._coarse.kind][at]

    def _joined(self, fine: Bars, boundary: Int64, at: Int64, rank: Int32) -> Bars:
        """Join the fine bars of each symbol and boundary."""
        order = np.lexsort((fine.time, rank[fine.symbol], boundary))
        fine, boundary, at = take_bars(fine, order), boundary[order], at[order]
        first = np.flatnonzero((np.diff(boundary, prepend=-1) != 0) | (np.diff(fine.symbol, prepend=-1) != 0))
        if not len(first):
            return fine
        last = np.append(first[1:], len(boundary)) - 1
        group = np.repeat(np.arange(len(first)), last - first + 1)
        fine = _in_units_of(fine, fine.basis[last][group])
        out = take_bars(fine, last)
        out.time[:], out.timeframe[:] = boundary[last], self._index
        self._prices(out, fine, group, first)
        for total, part in ((out.volume, fine.volume), (out.notional, fine.notional), (out.trades, fine.trades),
                            (out.quotes, fine.quotes)):  # fmt: skip
            total[:] = np.add.reduceat(part, first)
        self._number(out, at[last])
        self._marks(out, fine, first, last)
        return out

    def _prices(self, out: Bars, fine: Bars, group: Int64, first: Int64) -> None:
        """Open, high and low of the fine bars that say them: touched ones, and of trades where there is any trade."""
        touched = (fine.flags & _EMPTY) == 0
        traded = touched & ((fine.flags & _QUOTED) == 0)
        says = _or_all(traded, _or_all(touched, np.ones(len(group), np.bool_), group), group)
        out.high[:] = np.maximum.reduceat(np.where(says, fine.high, -np.inf), first)
        out.low[:] = np.minimum.reduceat(np.where(says, fine.low, np.inf), first)
        rows = np.flatnonzero(says)
        out.open[:] = fine.open[rows[np.searchsorted(group[rows], np.arange(len(first)))]]

    def _number(self, out: Bars, at: Int64) -> None:
        """Set begin, sequence and the mark of a session's first bar."""
        sessions, coarse = self._sessions, self._coarse
        missing = int(out.symbol.max()) + 1 - len(self._bars)
        if missing > 0:
            self._bars = np.append(self._bars, np.zeros(missing, np.int64))
            self._session = np.append(self._session, np.full(missing, -1))
        if coarse.kind == BarKind.INTERVAL:
            every, start = int(coarse.every), sessions.start[at]
            out.start[:] = start + (out.time - 1 - start) // every * every
        else:
            out.start[:] = [self._group[time] for time in out.time.tolist()]
        self._group = {time: start for time, start in self._group.items() if time > out.time[-1]}
        out.flags[:] = 0
        for k, symbol in enumerate(out.symbol.tolist()):
            self._bars[symbol] += 1
            out.sequence[k] = self._bars[symbol]
            if coarse.kind == BarKind.INTERVAL and self._session[symbol] != at[k]:
                out.flags[k] = _FIRST
            self._session[symbol] = at[k]

    def _marks(self, out: Bars, fine: Bars, first: Int64, last: Int64) -> None:
        out.flags[:] |= fine.flags[last] & _AT_CLOSE
        out.flags[:] |= np.bitwise_or.reduceat(fine.flags & _ANY, first)
        out.flags[:] |= np.bitwise_and.reduceat(fine.flags & _EMPTY, first)
        out.flags[out.start < self._began] |= _PARTIAL
        out.phase[:] = np.where(
            out.start < out.session_open, int(Phase.PRE),
            np.where(out.start >= out.session_close, int(Phase.POST), int(Phase.REGULAR)),
        )  # fmt: skip


def _in_units_of(bars: Bars, basis: Float64) -> Bars:
    """Return n bars in the units of another basis (n,): parts of one bar may lie before and behind a split."""
    ratio = basis / bars.basis
    if (ratio == 1.0).all():
        return bars
    prices = {name: getattr(bars, name) / ratio for name in PRICES}
    sizes = {name: getattr(bars, name) * ratio for name in SIZES}
    return bars._replace(**prices, **sizes, basis=basis)


def _or_all(wanted: Bool, otherwise: Bool, group: Int64) -> Bool:
    """Return what is wanted in groups that have any of it, `otherwise` in the others."""
    any_ = np.bincount(group, wanted).astype(np.bool_)[group]
    return np.where(any_, wanted, otherwise)
