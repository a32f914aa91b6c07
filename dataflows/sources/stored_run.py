"""A whole run out of its store: the ticks it used, in the order in which it used them, on the lanes they came on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import numpy as np

from dataflows.batch import Arrivals
from dataflows.checkpoints.archive import watermark_of
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.sources.heartbeat import with_heartbeats
from dataflows.sources.stored import FLOATS, ticks_of_columns
from dataflows.stored import Place
from ops.errors import ConfigurationError
from schema.events import Event, EventKind
from schema.reasons import Verdict
from schema.tables import TABLES
from schema.ticks import HEARTBEAT, ticks_of
from schema.timeframes import SECOND

LANES: Final = "lanes"  # name in `meta`, a writer: the names of the lanes it reads
_COLUMNS: Final = (
    "time", "ts_recv", "symbol", "kind", *FLOATS, "side", "conditions", "source", "partition", "offset",
    "message_index",
)  # fmt: skip
_ORDER: Final = ("time", "partition", "source", "offset", "message_index")  # as the reorder buffer let them go


class StoredRun:
    """Read the used ticks of a namespace, so that a flow which refuses none does with them what the run did.

    Late and dead ones moved nothing and are left out, and so are the venue's numbers: what they decided is decided.
    The run's heartbeats weren't stored; with several lanes each gets one a second of event time. A tick's offset is
    its place in this order; `origin` gives back where it came from.
    """

    def __init__(
        self, place: Place, start: int | None = None, end: int | None = None, batch_size: int = 65_536
    ) -> None:
        """Read from event time `start` on, up to `end` (ns UTC). Raises ConfigurationError where no tick was stored."""
        if not place.newest("ticks", 1):
            raise ConfigurationError(
                f"replay: namespace {place.namespace!r} of the store holds no ticks; the run must have had "
                "store.ticks=true, or name another namespace with --set store.namespace"
            )
        self.place, self.batch_size, self._end = place, batch_size, end
        self.lanes = _lanes(place) or tuple(str(p) for p in _partitions(place))
        self._lane = {name: k for k, name in enumerate(self.lanes)}
        self._events = [_event(row) for row in place.rows("events", list(TABLES["events"].columns))]
        self._begin(start, 0, 0)

    def _begin(self, since: int | None, skip: int, first: int) -> None:
        where = f"verdict = {int(Verdict.USED)}"
        where += f" AND time >= {since}" if since is not None else ""
        where += f" AND time < {self._end}" if self._end is not None else ""
        self._since, self._read, self._newest, self._first = since, skip, 0, first
        self._where, self._skip = where, skip
        self._rows: Iterator[tuple[Any, ...]] | None = None  # opened by the first read: a seek may come before it
        self._sources: dict[str, int] = {}
        self._origins: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # a batch: source, partition, offset
        self._coming = [event for event in self._events if since is None or event.ts_event >= since]

    def next_batch(self) -> Arrivals | None:
        """Return the next ticks. Raises EndOfInput after the last."""
        if self._rows is None:
            found = self.place.rows("ticks", list(_COLUMNS), order=_ORDER, where=self._where)
            self._rows = islice(found, self._skip, None)
        rows = list(islice(self._rows, self.batch_size))
        if not rows:
            raise EndOfInput
        columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
        ticks, names = ticks_of_columns(columns, self._first + np.arange(self._read, self._read + len(rows)))
        ticks.lane[:] = [self._lane[str(partition)] for partition in columns["partition"]]
        self._remember(columns)
        self._read += len(rows)
        arrivals = Arrivals(ticks, names, events=self._due(int(ticks.ts_event[-1]), len(rows) < self.batch_size))
        if len(self.lanes) > 1:
            arrivals, self._newest = with_heartbeats(arrivals, len(self.lanes), SECOND, self._newest)
        beats = arrivals.ticks.kind == HEARTBEAT
        arrivals.ticks.offset[:] = 2 * arrivals.ticks.offset + beats  # a heartbeat has a place of its own
        arrivals.ticks.index[:] = np.where(beats, arrivals.ticks.lane, 0)
        return arrivals

    def _due(self, until: int, last: bool) -> tuple[Event, ...]:
        due = [event for event in self._coming if last or event.ts_event <= until]
        self._coming = self._coming[len(due) :]
        return tuple(due)

    def _remember(self, columns: dict[str, Any]) -> None:
        codes = [self._sources.setdefault(name, len(self._sources)) for name in columns["source"]]
        self._origins.append(
            (np.array(codes, np.int16), np.array(columns["partition"], np.int32), np.array(columns["offset"], np.int64))
        )

    def position(self) -> Snapshot:
        """Return how many ticks were read, from which time on."""
        return {"since": self._since, "row": self._read, "first": self._first}

    def seek(self, position: Snapshot) -> None:
        """Continue behind so many ticks."""
        since = position["since"]
        self._begin(None if since is None else int(since), int(position["row"]), int(position["first"]))

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Resolve to what the run stored; the store itself for what was read before a seek."""
        row = np.asarray(offset) // 2 - self._first
        known = [np.concatenate(parts) for parts in zip(*self._origins)] if self._origins else []
        begin = self._read - (len(known[0]) if known else 0)
        sources = list(self._sources)
        found = [(k - begin) if begin <= k < self._read else -1 for k in row.tolist()]
        names = [sources[known[0][k]] if k >= 0 else f"store:{self.place.namespace}" for k in found]
        partitions = [int(known[1][k]) if k >= 0 else 0 for k in found]
        offsets = [int(known[2][k]) if k >= 0 else -1 for k in found]
        return names, np.array(partitions, np.int64), np.array(offsets, np.int64)

    def close(self) -> None:
        """Forget the cursor."""
        self._rows = iter(())


def at_watermark(snapshot: Snapshot, bound_ns: int) -> Snapshot:
    """Return the state of another source's checkpoint, as one from which a `StoredRun` goes on.

    All that the run used before the watermark is in the state, and nothing behind it: the store has the rest. So the
    reorder buffer is emptied, and every lane stands at the watermark.
    """
    order, since = snapshot["stations"]["order"], watermark_of(snapshot)
    buffer = order["buffer"]
    assert since is not None, "only checkpoints with a watermark are archived"
    snapshot["stations"]["tally"]["ticks_read"] -= len(buffer["waiting"]["ts_event"])  # they are read again
    buffer["waiting"], order["events"] = ticks_of(0)._asdict(), []
    buffer["newest"] = np.minimum(buffer["newest"], since + bound_ns)
    first = int(max(buffer["last_offset"].max(), 0)) + 1  # offsets rise, or the buffer would take them for repeats
    snapshot["position"] = {"since": since, "row": 0, "first": first}
    return snapshot


def _lanes(place: Place) -> tuple[str, ...]:
    """Return the names of the run's lanes in order: those of all its writers, where it was split or rescaled."""
    kept = [json.loads(value) for name, value in place.metas().items() if name.partition(".")[0] == LANES]
    return tuple(kept[0]) if len(kept) == 1 else tuple(sorted({name for names in kept for name in names}, key=int))


def _partitions(place: Place) -> list[int]:
    return sorted({row[0] for row in place.rows("ticks", ["partition"], order=("partition",))})


def _event(row: tuple[Any, ...]) -> Event:
    cells = dict(zip(TABLES["events"].columns, row, strict=True))
    return Event(cells["time"], EventKind(cells["kind"]), cells["symbol"] or "", details=json.loads(cells["details"]))
