"""Which bar of each series came last: what came before is a repeat, what does not follow it is a loss."""

from __future__ import annotations

import numpy as np

from schema.bars import Bars


class RowsLost(RuntimeError):
    """A shard's rows have a hole."""


class Series:
    """The last bar sequence of each symbol and timeframe."""

    def __init__(self, n_timeframes: int) -> None:
        """Start before the first bar of all."""
        self.last = np.zeros((0, n_timeframes), np.int64)  # (S, timeframes), 0 before the first

    def fresh(self, bars: Bars) -> np.ndarray:
        """Return a mask (n,) of the bars that were not there before, and count them.

        Raises RowsLost where one does not follow the last of its series.
        """
        if not len(bars.time):
            return np.zeros(0, np.bool_)
        self._grow(int(bars.symbol.max()) + 1)
        fresh = bars.sequence > self.last[bars.symbol, bars.timeframe]
        rows = np.flatnonzero(fresh)
        rows = rows[np.lexsort((bars.sequence[rows], bars.timeframe[rows], bars.symbol[rows]))]
        symbol, timeframe, sequence = bars.symbol[rows], bars.timeframe[rows], bars.sequence[rows]
        first = np.diff(symbol, prepend=-1) | np.diff(timeframe, prepend=-1) != 0
        before = np.where(first, self.last[symbol, timeframe], np.roll(sequence, 1))
        holes = (sequence != before + 1) & (before > 0)
        if holes.any():
            k = int(np.argmax(holes))
            raise RowsLost(
                f"join: symbol {symbol[k]}, timeframe {timeframe[k]}: bar {sequence[k]} follows bar {before[k]}; rows "
                "of the channel were lost (retention, another topic): reset the inference process and the shards"
            )
        self.last[symbol, timeframe] = sequence
        return fresh

    def _grow(self, n_symbols: int) -> None:
        if (new := n_symbols - len(self.last)) > 0:
            self.last = np.concatenate((self.last, np.zeros((new, self.last.shape[1]), np.int64)))
