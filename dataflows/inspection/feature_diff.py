"""Online against offline: the feature rows that a run stored beside those of a replay over the ticks it stored."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.history import quiet
from dataflows.interfaces import EndOfInput
from dataflows.sources.stored import StoredTicks
from dataflows.stored import Place
from ops.settings import Settings
from schema.ticks import Float64, UInt8

_FIXED: Final = ("time", "symbol", "timeframe", "bar_sequence", "fingerprint", "validity")

SECOND: Final = 1_000_000_000
Key = tuple[str, str, int]  # symbol, timeframe, bar sequence
Row = tuple[Float64, UInt8]  # values and validity
Moment = tuple[int, dict[Key, Row]]  # ns UTC, and the rows of that bar time


class NotComparable(ValueError):
    """The stored rows were made by other columns: the message says which fingerprints met."""


@dataclass(slots=True)
class Difference:
    """What differs; equal runs differ in nothing."""

    rows: int = 0  # compared
    cells: int = 0
    only_stored: int = 0  # rows
    only_replayed: int = 0
    columns: dict[str, int] = field(default_factory=dict)  # cells that differ, by column
    first: str = ""  # the first of them

    @property
    def nothing(self) -> bool:
        """Whether all that was stored came again, bit by bit, and nothing else."""
        return self.rows > 0 and not (self.only_stored or self.only_replayed or self.columns)


def feature_diff(settings: Settings, place: Place) -> Difference:
    """Replay the stored ticks and compare each stored feature row, cell by cell, values and validity.

    Equal is equal to the last bit, but for the sign of a zero, which SQLite does not keep.
    Replayed rows behind the last stored bar time don't count: the run was stopped before they closed.
    Raises NotComparable where the catalogue or the families differ, ValueError where the tables aren't there.
    """
    flow_settings = _as_decided(settings)
    flow = assemble(flow_settings, StoredTicks(place))
    names, found = flow.features.names, Difference()
    try:
        stored = _stored(place, names, flow.features.fingerprint)
        replayed = _replayed(flow, settings)
        last = _last_time(place)
        for time, kept, again in _side_by_side(stored, replayed):
            if time <= last:
                _compare(found, names, time, kept, again)
    finally:
        flow.close()
    return found


def _as_decided(settings: Settings) -> Settings:
    """Return settings that refuse no tick: what is stored as used was judged already."""
    order = settings.order.model_copy(update={"outlier_bound": 0.0, "lanes": 1})
    return quiet(settings.model_copy(update={"order": order}))


def _stored(place: Place, names: tuple[str, ...], fingerprint: str) -> Iterator[Moment]:
    columns = place.columns("features")
    if missing := [name for name in names if name not in columns]:
        raise NotComparable(f"store {place.name}: its features lack {missing[:3]} …; compare with the same families")
    for time, symbol, timeframe, sequence, mark, validity, *values in place.rows("features", [*_FIXED, *names]):
        if mark != fingerprint:
            raise NotComparable(
                f"store {place.name}: a row of the catalogue {mark}, expected {fingerprint}; "
                "compare with the version and families that made it"
            )
        row = np.array(values, np.float64), np.frombuffer(validity, np.uint8)
        yield time, {(symbol, timeframe, sequence): row}


def _last_time(place: Place) -> int:
    return max((time for (time,) in place.rows("features", ["time"])), default=0)


def _replayed(flow: Flow, settings: Settings) -> Iterator[Moment]:
    timeframes = flow.timeframes
    kept = np.array([timeframe.nominal_ns >= settings.store.features_from_s * SECOND for timeframe in timeframes])
    while True:
        try:
            batch = flow.pipeline.advance()
        except EndOfInput:
            return
        if batch is None or batch.features is None:
            continue
        bars, rows = batch.bars, batch.features
        for k in np.flatnonzero(kept[bars.timeframe]).tolist():
            key = flow.universe.names[bars.symbol[k]], timeframes[bars.timeframe[k]].name, int(bars.sequence[k])
            yield int(bars.time[k]), {key: (rows.values[k].copy(), rows.why[k].copy())}


def _side_by_side(
    stored: Iterator[Moment], replayed: Iterator[Moment]
) -> Iterator[tuple[int, dict[Key, Row], dict[Key, Row]]]:
    """Yield each bar time with the rows of both sides. Both come in order of time."""
    sides = [_by_time(stored), _by_time(replayed)]
    heads = [next(side, None) for side in sides]
    while any(head is not None for head in heads):
        time = min(head[0] if head is not None else sys.maxsize for head in heads)
        rows: list[dict[Key, Row]] = [{}, {}]
        for at, head in enumerate(heads):
            if head is not None and head[0] == time:
                rows[at], heads[at] = head[1], next(sides[at], None)
        yield time, rows[0], rows[1]


def _by_time(moments: Iterator[Moment]) -> Iterator[Moment]:
    time, rows = 0, dict[Key, Row]()
    for moment, more in moments:
        if rows and moment != time:
            yield time, rows
            rows = {}
        time = moment
        rows.update(more)
    if rows:
        yield time, rows


def _compare(found: Difference, names: tuple[str, ...], time: int, kept: dict[Key, Row], again: dict[Key, Row]) -> None:
    found.only_stored += len(kept.keys() - again.keys())
    found.only_replayed += len(again.keys() - kept.keys())
    for key in kept.keys() & again.keys():
        (values, why), (new_values, new_why) = kept[key], again[key]
        same = ((values == new_values) | (np.isnan(values) & np.isnan(new_values))) & (why == new_why)
        found.rows += 1
        found.cells += len(names)
        for at in np.flatnonzero(~same).tolist():
            found.columns[names[at]] = found.columns.get(names[at], 0) + 1
            found.first = found.first or (
                f"symbol {key[0]}, timeframe {key[1]}, bar {time}, column {names[at]}: stored "
                f"{values[at]!r} (validity {why[at]}), replayed {new_values[at]!r} (validity {new_why[at]})"
            )
