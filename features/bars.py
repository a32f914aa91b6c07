"""Time, tick, volume and dollar bars of all timeframes, from one pass over ordered ticks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.arrays import as_snapshot, from_snapshot, grown
from features.bar_kernel import Origin, Plan, walk
from features.bar_state import clock_state, series_state, symbol_state
from features.inputs import TickInputs
from features.sessions import Sessions
from schema.bars import Bars, concat_bars, empty_bars, take_bars
from schema.ticks import Int64
from schema.timeframes import Timeframe

_ROWS: Final = 8_192  # of one output buffer; a batch with more closes is walked in several


class BarBuilder:
    """Close bars as the ticks and the watermark pass their ends."""

    def __init__(self, timeframes: tuple[Timeframe, ...], sessions: Sessions) -> None:
        """Build bars of `timeframes` inside `sessions`."""
        self.timeframes = timeframes
        self.sessions = sessions
        self.plan = Plan(
            np.array([t.kind for t in timeframes], np.int64), np.array([t.every for t in timeframes], np.float64)
        )
        self.by_symbol = symbol_state(0)
        self.series = series_state(0, len(timeframes))
        self.clock = clock_state(len(timeframes))

    def grow(self, n_symbols: int) -> None:
        """Make room for `n_symbols` symbols; the ones known keep their state."""
        if n_symbols > len(self.by_symbol.price):
            self.by_symbol = grown(symbol_state(n_symbols), self.by_symbol)
            self.series = grown(series_state(n_symbols, len(self.timeframes)), self.series)

    def step(self, ticks: TickInputs, origin: Origin, watermark: int, by_name: Int64) -> Bars:
        """Apply ordered ticks and return the bars they and the watermark close.

        `by_name` holds the symbols' ids in the order of their names: bars of one time come in that order.
        """
        parts, next_tick = [], 0
        while next_tick >= 0:
            out = empty_bars(max(_ROWS, 2 * (len(by_name) + len(self.timeframes))))
            rows, next_tick = walk(
                next_tick, ticks, origin, watermark, self.plan, self.sessions, by_name,
                self.by_symbol, self.series, self.clock, out,
            )  # fmt: skip
            parts.append(take_bars(out, slice(0, rows)))
        return concat_bars(parts)

    def snapshot(self) -> dict[str, Any]:
        """Return the state of all open bars."""
        return {
            "by_symbol": as_snapshot(self.by_symbol),
            "series": as_snapshot(self.series),
            "clock": as_snapshot(self.clock),
            "timeframes": [timeframe.name for timeframe in self.timeframes],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from a snapshot of a builder of the same timeframes."""
        names = [timeframe.name for timeframe in self.timeframes]
        if snapshot["timeframes"] != names:
            raise ValueError(f"bars: the checkpoint has timeframes {snapshot['timeframes']}, this run {names}")
        self.by_symbol = from_snapshot(self.by_symbol, snapshot["by_symbol"], "bars.by_symbol")
        self.series = from_snapshot(self.series, snapshot["series"], "bars.series")
        self.clock = from_snapshot(self.clock, snapshot["clock"], "bars.clock")
