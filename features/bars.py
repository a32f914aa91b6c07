"""Time, tick, volume and dollar bars of all timeframes, from one pass over ordered ticks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from features.bar_kernel import ROW, Origin, walk
from features.bar_state import Records, clock_records, series_records, symbol_records
from features.inputs import TickInputs
from features.sessions import Sessions
from schema.bars import Bars
from schema.ticks import Float64, Int64
from schema.timeframes import Timeframe

_ROWS: Final = 8_192  # of one output buffer; a batch with more closes is walked in several


class BarBuilder:
    """Close bars as the ticks and the watermark pass their ends."""

    def __init__(self, timeframes: tuple[Timeframe, ...], sessions: Sessions, n_lanes: int = 1) -> None:
        """Build bars of `timeframes` inside `sessions` from ticks of `n_lanes` lanes."""
        self.timeframes = timeframes
        self.sessions = sessions
        self.lane_began = np.full(n_lanes, -1)  # ns, each lane's first ordered tick
        self.symbols = symbol_records(0)
        self.series = series_records(0, len(timeframes))
        self.clock = clock_records([t.kind for t in timeframes], [t.every for t in timeframes])
        self.basis: Float64 = np.ones(0)  # (S,) as in Bars
        self._out = np.empty(_ROWS, ROW)

    def grow(self, n_symbols: int) -> None:
        """Make room for `n_symbols` symbols; the ones known keep their state."""
        new = n_symbols - len(self.symbols)
        if new > 0:
            self.symbols = np.concatenate([self.symbols, symbol_records(new)])
            self.series = np.concatenate([self.series, series_records(new, len(self.timeframes))])
            self.basis = np.concatenate([self.basis, np.ones(new)])
            self._out = np.empty(max(_ROWS, 2 * n_symbols), ROW)

    def rescale(self, i: int, ratio: float) -> None:
        """Divide symbol i's prices by a split's ratio, multiply its sizes: its open bars too are in the new units."""
        self.basis[i] *= ratio
        for records, prices, sizes in (
            (self.symbols, ("price", "bid", "ask"), ("bid_size", "ask_size")),
            (self.series, ("open", "high", "low", "close"), ("volume",)),
        ):
            for name in prices:
                records[name][i] /= ratio
            for name in sizes:
                records[name][i] *= ratio

    def step(self, ticks: TickInputs, origin: Origin, watermark: int, by_name: Int64) -> Bars:
        """Apply ordered ticks and return the bars they and the watermark close.

        `by_name` holds the symbols' ids in the order of their names: bars of one time come in that order.
        """
        parts: list[Records] = []
        next_tick = 0
        while next_tick >= 0:
            rows, next_tick = walk(
                next_tick, ticks, origin, watermark, self.sessions, by_name,
                self.lane_began, self.symbols, self.series, self.clock, self._out,
            )  # fmt: skip
            parts.append(self._out[:rows].copy())
        rows_ = np.concatenate(parts) if len(parts) > 1 else parts[0]
        rows_["basis"] = self.basis[rows_["symbol"]]
        return Bars(*(np.ascontiguousarray(rows_[field]) for field in Bars._fields))

    def snapshot(self) -> dict[str, Any]:
        """Return the state of all open bars."""
        return {
            "lane_began": self.lane_began, "symbols": self.symbols, "series": self.series, "clock": self.clock,
            "basis": self.basis,
        }  # fmt: skip

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue from a snapshot of a builder of the same timeframes."""
        clock = np.array(snapshot["clock"])
        if any(not np.array_equal(clock[field], self.clock[field]) for field in ("kind", "every")):
            raise ValueError(
                f"bars: the checkpoint has {len(clock)} other timeframes than "
                f"{[timeframe.name for timeframe in self.timeframes]}; resume with the ones it was started with"
            )
        self.lane_began = np.array(snapshot["lane_began"])
        self.symbols, self.series, self.clock = np.array(snapshot["symbols"]), np.array(snapshot["series"]), clock
        self.basis = np.array(snapshot["basis"])
