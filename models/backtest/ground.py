"""What orders are filled with: the bars of a data set with their opens and sessions, and the quotes where ticks are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from models.data.dataset import Dataset
from models.labels import bounds
from schema.bars import Bars
from schema.features import FeatureRows
from schema.ticks import QUOTE, Bool, Float64, Int32, Int64, Ticks

_UNWIND: Final = 60 * 10**9  # ns before a session's end in which bars of no fixed length are closed out


class Quotes(NamedTuple):
    """n valid two-sided quotes, series by series, each in order of time."""

    symbol: Int32
    time: Int64  # ns UTC
    bid: Float64
    ask: Float64


@dataclass(frozen=True, slots=True)
class Ground:
    """The n bars of a data set, row by row, and the quotes of the same history."""

    start: Int64  # (n,) ns UTC at which the bar began
    open: Float64  # (n,) on the symbol's basis, as the data set's prices are
    basis: Float64  # (n,) Bars.basis
    session_close: Int64  # (n,) ns UTC
    quotes: Quotes


class GroundBuilder:
    """Collects it while a history is replayed for a data set of one timeframe, `index` among the configured ones."""

    def __init__(self, index: int, max_spread: float) -> None:
        """A quote is valid whose spread is at most `max_spread` of its mid, as for the bars' own."""
        self._index, self._max_spread = index, max_spread
        self._bars: list[tuple[Int64, Float64, Float64, Int64]] = []
        self._quotes: list[Quotes] = []

    def watch(self, history: Iterable[tuple[Bars, FeatureRows]]) -> Iterator[tuple[Bars, FeatureRows]]:
        """Pass a history through, keeping what fills need of its bars."""
        for bars, rows in history:
            mine = bars.timeframe == self._index
            opened, basis = bars.open[mine] * bars.basis[mine], bars.basis[mine]
            self._bars.append((bars.start[mine], opened, basis, bars.session_close[mine]))
            yield bars, rows

    def take(self, ticks: Ticks) -> None:
        """Keep the valid quotes of ticks in order of event time."""
        with np.errstate(invalid="ignore"):
            wide = self._max_spread * 0.5 * (ticks.bid + ticks.ask)
            valid = (ticks.kind == QUOTE) & (ticks.bid > 0) & (ticks.bid < ticks.ask) & (ticks.ask - ticks.bid <= wide)
        self._quotes.append(
            Quotes(ticks.symbol[valid], ticks.ts_event[valid], ticks.bid[valid], ticks.ask[valid])
        )  # fmt: skip

    def finish(self) -> Ground:
        """Join what was seen."""
        start, opened, basis, close = (np.concatenate(parts) for parts in zip(*self._bars))
        if not self._quotes:
            empty = np.zeros(0)
            return Ground(
                start, opened, basis, close, Quotes(np.zeros(0, np.int32), np.zeros(0, np.int64), empty, empty)
            )
        joined = Quotes._make(np.concatenate(parts) for parts in zip(*self._quotes))
        order = np.argsort(joined.symbol, kind="stable")
        return Ground(start, opened, basis, close, Quotes._make(column[order] for column in joined))


def flat_rows(dataset: Dataset, ground: Ground) -> Bool:
    """Return the rows (n,) behind which no position may be held: a session's last bar is left to unwind in.

    Below a day labels end with the session, and so do positions; from a day on none is.
    """
    step, within_session = bounds(dataset.timeframe)
    if not within_session:
        return np.zeros(len(dataset.time), np.bool_)
    return dataset.time + (step or _UNWIND) >= ground.session_close
