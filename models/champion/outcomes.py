"""Join predictions with what happened: bar by bar, with the labels that training has.

A prediction stays open until its label is known: h bars later, or at the first bar that ends the way there. At most h
are open of a symbol and version, since a bar brings at most one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.classes import BOUND
from models.labels import bounds, comparable, ends_here, halts_and_starts
from schema.bars import Bars
from schema.outcomes import NONE, OUTCOME, Basis
from schema.predictions import Predictions
from schema.ticks import Int64
from schema.timeframes import Timeframe

OPEN: Final = np.dtype(
    [
        ("time", "i8"), ("sequence", "i8"), ("opened", "i8"), ("closed", "i8"), ("elapsed", "i8"), ("price", "f8"),
        ("expected", "f8"), ("unit", "f8"), ("p_down", "f8"), ("p_sideways", "f8"), ("p_up", "f8"), ("trade", "i8"),
        ("challenger", "i8"),
    ]
)  # fmt: skip
_HALT, _PRICE_KIND = int(Basis.HALT), int(Basis.PRICE_KIND)
_LEAST_P = 1e-12  # as models.evaluation.scoring


class OpenPredictions:
    """One version's open predictions in one timeframe."""

    def __init__(self, timeframe: Timeframe, horizon: int) -> None:
        """Begin with none."""
        self.horizon, self._bounds = horizon, bounds(timeframe)
        self._open = np.zeros((0, horizon), OPEN)
        self._count = np.zeros(0, np.int64)

    @property
    def number(self) -> int:
        """How many predictions are open."""
        return int(self._count.sum())

    def step(self, bars: Bars, which: Int64, made: Sequence[Predictions]) -> NDArray[Any]:
        """Close what the given rows of the bars tell of, then open what was predicted from them.

        `which` are rows of one timeframe in stream order, and `made` the version's predictions from some of them.
        Returns the outcomes (m,) of OUTCOME, in the order of the bars that told of them, a symbol's oldest first.
        """
        if not len(which):
            return np.zeros(0, OUTCOME)
        self._grow(int(bars.symbol[which].max()) + 1)
        price, trade = comparable(bars)
        halted, starts = halts_and_starts(bars)
        source, fresh = _opened(made, len(bars.time))
        out = np.zeros(self.number + len(fresh), OUTCOME)
        n = _walk(
            self._open, self._count, which, source, fresh, bars.symbol, bars.time, price, trade, halted, starts,
            bars.session_open, bars.session_close, self.horizon, *self._bounds, out,
        )  # fmt: skip
        return out[:n]

    def _grow(self, n_symbols: int) -> None:
        missing = n_symbols - len(self._count)
        if missing > 0:
            self._open = np.concatenate((self._open, np.zeros((missing, self.horizon), OPEN)))
            self._count = np.concatenate((self._count, np.zeros(missing, np.int64)))

    def snapshot(self) -> dict[str, Any]:
        """Return what is open (S, h) and how many of each symbol (S,); live: copy at once."""
        return {"open": self._open, "count": self._count}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        self._open, self._count = np.array(snapshot["open"]), np.array(snapshot["count"])


def _opened(made: Sequence[Predictions], n: int) -> tuple[Int64, NDArray[Any]]:
    """Return of each of the batch's n bars which prediction was made from it (-1: none), and the predictions."""
    source, fresh = np.full(n, -1, np.int64), np.zeros(sum(len(p.row) for p in made), OPEN)
    begin = 0
    for p in made:
        part = fresh[begin : begin + len(p.row)]
        part["time"], part["sequence"] = p.time, p.bar_sequence
        part["expected"], part["unit"] = p.expected_return, p.unit
        part["p_down"], part["p_sideways"], part["p_up"] = p.p_down, p.p_sideways, p.p_up
        part["challenger"] = p.challenger
        source[p.row] = np.arange(begin, begin + len(p.row))
        begin += len(p.row)
    return source, fresh


@njit(cache=True)
def _walk(  # type: ignore[no-untyped-def]
    held, count, which, source, fresh, symbol, time, price, trade, halted, starts, opens, closes, horizon, step,
    within_session, out
):  # fmt: skip
    n = 0
    for k in which:
        s, kept = symbol[k], 0
        for a in range(count[s]):
            one = held[s, a]
            one.elapsed += 1
            why = ends_here(
                one.time, one.opened, one.closed, one.elapsed, time[k], opens[k], halted[k], starts[k], step,
                within_session
            )  # fmt: skip
            if why == 0 and one.elapsed < horizon:
                held[s, kept] = held[s, a]
                kept += 1
                continue
            if why == 0 and one.trade != int(trade[k]):
                why = _PRICE_KIND
            _close(one, s, time[k], price[k], why, out[n])
            n += 1
        count[s] = kept
        if source[k] < 0:
            continue
        new = fresh[source[k]]
        new.opened, new.closed, new.price, new.trade = opens[k], closes[k], price[k], int(trade[k])
        if halted[k]:
            _close(new, s, time[k], price[k], _HALT, out[n])
            n += 1
        else:
            held[s, count[s]] = fresh[source[k]]
            count[s] += 1
    return n


@njit(cache=True)
def _close(one, symbol, time, price, why, out):  # type: ignore[no-untyped-def]
    out.time, out.sequence, out.known_at, out.symbol = one.time, one.sequence, time, symbol
    out.expected, out.unit, out.label, out.challenger = one.expected, one.unit, NONE, one.challenger
    out.realised, out.brier, out.log_loss = np.nan, np.nan, np.nan
    if why != 0:
        out.basis = why
        return
    out.basis = one.trade
    out.realised = np.log(price / one.price)
    y = np.float64(out.realised) / one.unit
    down, middle, up = one.p_down, one.p_sideways, one.p_up
    if abs(y) < BOUND:
        out.label, said, middle = 1, middle, middle - 1.0
    elif y < 0.0:
        out.label, said, down = 0, down, down - 1.0
    else:
        out.label, said, up = 2, up, up - 1.0
    out.brier = down * down + middle * middle + up * up
    out.log_loss = -math.log(max(said, _LEAST_P))
