"""The feature engine: all groups of a catalogue over one stream of ticks, bars and scored items.

It holds every group's state and runs the kernels in four stages: over ticks, over closed bars, over scored items,
and over the rows of each bar time. It knows nothing of dataflows, clocks or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from features.arrays import as_snapshot, from_snapshot, grown
from features.bar_inputs import RINGS, bar_inputs, new_history, new_series, push
from features.basis import degrees_of, in_own_units, on_basis
from features.calls import StageCalls
from features.catalogue import Column, Group, Stage, fingerprint
from features.gaps import mask_gaps, new_gaps, reach_of
from features.inputs import LEADERS, BarGroups, BarInputs, Closes, ItemInputs, TickInputs
from features.row_buffers import RowBuffers, take_back, with_spare_rows
from features.tables import Tables
from schema.bars import Bars
from schema.features import FeatureRows
from schema.items import KINDS, NO_ITEMS, Items
from schema.reasons import Why
from schema.ticks import Int32, UInt8

SNAPSHOT_VERSION: Final = 2
NO_FEEDS: Final = np.zeros(len(KINDS), np.uint8)
EVERY_FEED: Final = np.ones(len(KINDS), np.uint8)


class FeatureEngine:
    """Compute feature rows, batch by batch: ticks first, then bars, items, and the cross-section of the same rows.

    The order of calls for a batch is `tick_features`, `bar_features`, `item_features`, `cross_section`, `finish`.
    How a stream is cut into batches never changes a bit of the result, as long as the rows of one bar time come in one
    batch.
    """

    def __init__(self, groups: Sequence[Group], n_timeframes: int, by_time: tuple[bool, ...]) -> None:
        """Start before the first tick, with room for one symbol.

        `by_time[timeframe]` is False for tick, volume and dollar bars, which meet no other symbol.
        """
        if len(by_time) != n_timeframes:
            raise ValueError(f"feature engine: by_time has {len(by_time)} entries, expected one a timeframe")
        self.groups = tuple(groups)
        self.columns: tuple[Column, ...] = tuple(column for group in self.groups for column in group.columns)
        self.names = tuple(column.name for column in self.columns)
        self.fingerprint = fingerprint(self.groups)
        self.n_timeframes = n_timeframes
        self.n_symbols = 1
        self._by_time = np.array(by_time, np.bool_)
        self._stages = {stage: _placed(self.groups, stage) for stage in Stage}
        self._rows = RowBuffers(len(self.columns))
        self._reach = reach_of(self.columns)
        self._degrees = degrees_of(self.columns)
        self._start(self.n_symbols)

    def grow(self, n_symbols: int) -> None:
        """Make room for symbols 0 .. n_symbols - 1, keeping what is known; less than there is changes nothing."""
        if n_symbols <= self.n_symbols:
            return
        old = self._parts()
        self._start(n_symbols)
        for part, fresh in self._parts().items():
            grown(fresh, old[part])

    def tick_features(self, ticks: TickInputs, bars: Bars) -> FeatureRows:
        """Apply the batch's ticks, prices on their basis, and begin its feature rows, one a bar.

        Call it also when no bar closed. `bars.position` counts the batch's ticks before each close.
        """
        n = len(bars.time)
        rows = self._rows.take(n)
        if n or len(ticks.time):
            self._check_room("tick", ticks.symbol)
            self._check_room("bar", bars.symbol)
            values, why = with_spare_rows(rows)
            closes = Closes(bars.position, bars.symbol, bars.timeframe, bars.time, bars.start)
            if n > 1 and (np.diff(bars.position) < 0).any():
                self._tick_kernels_in_order(ticks, closes, values, why)
            else:
                self._calls[Stage.TICKS](values, why, ticks, closes)
        return rows

    def bar_features(self, bars: Bars, rows: FeatureRows) -> BarInputs:
        """Fill the columns that bars drive and return the bars as kernels read them: prices on their basis."""
        inputs = bar_inputs(self._series, on_basis(bars), self.n_timeframes)
        self._tables.touch(inputs)
        values, why = with_spare_rows(rows)
        first, n = 0, len(bars.time)
        while first < n:
            last = push(self._history, inputs, first)
            part = inputs if first == 0 and last == n else BarInputs._make(column[first:last] for column in inputs)
            self._calls[Stage.BARS](values[first:], why[first:], part, self._history)
            first = last
        take_back(rows, values, why)
        return inputs

    def item_features(self, items: Items, feed: UInt8, inputs: BarInputs, rows: FeatureRows) -> None:
        """Apply the items published before the batch's last close and fill the columns that items drive.

        `feed[kind]` says whether there is a feed of that kind; without any the columns are NO_FEED.
        """
        if not feed.any():
            for _, at in self._stages[Stage.ITEMS]:
                rows.why[:, at] = Why.NO_FEED
        elif len(inputs.time):
            self._check_room("news item", items.symbol)
            read = ItemInputs(*items, np.searchsorted(items.ts_event, inputs.time), feed)
            values, why = with_spare_rows(rows)
            self._calls[Stage.ITEMS](values, why, read, inputs)
            take_back(rows, values, why)

    def cross_section(self, inputs: BarInputs, bars: Bars, rows: FeatureRows, leaders: Sequence[int] = ()) -> None:
        """Fill the columns that compare symbols; all rows of a bar time are in the batch.

        `leaders` are the symbols, at most LEADERS, that others are compared with; -1 is one not known yet.
        """
        if not (len(bars.time) and self._stages[Stage.CROSS]):
            return
        groups = bar_groups(bars, self._by_time, leaders)
        values, why = with_spare_rows(rows)
        self._calls[Stage.CROSS](values, why, inputs, groups)
        take_back(rows, values, why)

    def step(
        self, ticks: TickInputs, bars: Bars, items: Items = NO_ITEMS, feed: UInt8 = NO_FEEDS,
        leaders: Sequence[int] = (),
    ) -> tuple[FeatureRows, BarInputs]:  # fmt: skip
        """Take a batch through all stages, where nothing stands between them; all rows of a bar time are in it.

        `feed` and `leaders` are as `item_features` and `cross_section` take them.
        """
        rows = self.tick_features(ticks, bars)
        inputs = self.bar_features(bars, rows)
        self.item_features(items, feed, inputs, rows)
        self.cross_section(inputs, bars, rows, leaders)
        self.finish(bars, inputs, rows)
        return rows, inputs

    def finish(self, bars: Bars, inputs: BarInputs, rows: FeatureRows) -> None:
        """Mark what lost messages reach and give values in the units of their bars, once all columns are written."""
        mask_gaps(self._gaps, self._reach, inputs, rows)
        in_own_units(rows.values, self._degrees, bars.basis)

    @property
    def state_bytes_per_series(self) -> float:
        """Bytes of state, shared rings included, a symbol and timeframe."""
        total: int = sum(array.nbytes for state in self._parts().values() for array in state)
        return total / (self.n_symbols * self.n_timeframes)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state: live arrays, and of tables a copy that stays as it is until the next call."""
        return {
            "version": SNAPSHOT_VERSION,
            "fingerprint": self.fingerprint,
            "n_symbols": self.n_symbols,
            "n_timeframes": self.n_timeframes,
            "state": {part: as_snapshot(state) | self._tables.still(part) for part, state in self._parts().items()},
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Take over a copy of the state that `snapshot` gave.

        Raises ValueError where it was made with another version, other columns or other timeframes.
        """
        for field, expected in (
            ("version", SNAPSHOT_VERSION),
            ("fingerprint", self.fingerprint),
            ("n_timeframes", self.n_timeframes),
        ):
            if snapshot[field] != expected:
                raise ValueError(
                    f"feature state: {field} is {snapshot[field]!r}, expected {expected!r}; "
                    "start with the columns and timeframes it was made with, or warm up from history"
                )
        self._start(snapshot["n_symbols"])
        for part, state in self._parts().items():
            saved = from_snapshot(state, snapshot["state"][part], f"feature state {part!r}")
            for array, copy in zip(state, saved):
                array[...] = copy

    def _start(self, n_symbols: int) -> None:
        self.n_symbols = n_symbols
        self._series = new_series(n_symbols * self.n_timeframes)
        self._history = new_history(n_symbols * self.n_timeframes)
        self._gaps = new_gaps(n_symbols * self.n_timeframes)
        self._states = {group.name: group.init(n_symbols, self.n_timeframes) for group in self.groups}
        for group in self.groups:
            _tell_apart(type(group.params), type(self._states[group.name]))
        self._calls = {stage: StageCalls(placed, self._states) for stage, placed in self._stages.items()}
        tables = {"bars:history": RINGS, **{group.name: group.tables for group in self.groups}}
        self._tables = Tables(tables, self._parts())

    def _parts(self) -> dict[str, Any]:
        """Return every state, a named tuple of arrays, by its group's name, or `bars:…` for what groups share."""
        return {"bars:series": self._series, "bars:history": self._history, "bars:gaps": self._gaps, **self._states}

    def _check_room(self, what: str, symbol: Int32) -> None:
        if len(symbol) and not 0 <= (least := symbol.min()) <= (most := symbol.max()) < self.n_symbols:
            raise ValueError(
                f"feature engine: a {what} of symbol {least if least < 0 else most}, expected 0 .. "
                f"{self.n_symbols - 1}; call grow() when the universe grows"
            )

    def _tick_kernels_in_order(self, ticks: TickInputs, closes: Closes, values: np.ndarray, why: np.ndarray) -> None:
        """Run the kernels over closes sorted by position: rows of one time may close behind different ticks."""
        order = np.argsort(closes.position, kind="stable")
        sorted_values, sorted_why = values.copy(), why.copy()
        in_order = Closes._make(column[order] for column in closes)
        self._calls[Stage.TICKS](sorted_values, sorted_why, ticks, in_order)
        values[order], why[order] = sorted_values[:-2], sorted_why[:-2]


def bar_groups(bars: Bars, by_time: np.ndarray, leaders: Sequence[int] = ()) -> BarGroups:
    """Find the rows of each (time, timeframe) in bars ordered by them, and those of the leaders among them."""
    starts = (bars.time[1:] != bars.time[:-1]) | (bars.timeframe[1:] != bars.timeframe[:-1])
    first = np.concatenate(([0], np.flatnonzero(starts) + 1, [len(bars.time)])).astype(np.int64)
    of_leaders = np.full((len(first) - 1, LEADERS), -1)
    for at, symbol in enumerate(leaders):
        rows = np.flatnonzero(bars.symbol == symbol)
        of_leaders[np.searchsorted(first, rows, "right") - 1, at] = rows
    return BarGroups(first, by_time[bars.timeframe[first[:-1]]], of_leaders)


def _placed(groups: Sequence[Group], stage: Stage) -> tuple[tuple[Group, slice], ...]:
    """Return the stage's groups, each with the columns it writes."""
    ends = np.cumsum([len(group.columns) for group in groups]).tolist()
    return tuple(
        (group, slice(end - len(group.columns), end)) for group, end in zip(groups, ends) if group.stage is stage
    )


def _tell_apart(*kinds: type) -> None:
    """Give named tuples names of their own.

    Numba takes two of the same name and fields for one another when it looks a kernel up, and then finds it the slow
    way: 0.3 ms a call and more instead of 7 us.
    """
    for kind in kinds:
        kind.__name__ = f"{kind.__module__}.{kind.__qualname__}"
