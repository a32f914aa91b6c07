"""`dataflows.interfaces.Store` in QuestDB: writes through a spool and a helper process, reads over pgwire."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dataflows.sinks.columns import Columns, adopt
from dataflows.sinks.errors import StoreMismatch, StoreUnavailable
from dataflows.sinks.lock import WriterLock
from dataflows.sinks.questdb import frames, spool
from dataflows.sinks.questdb.appending import Appending
from dataflows.sinks.questdb.ddl import prepare
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.probes import check_answers
from dataflows.sinks.questdb.process import Helper
from dataflows.sinks.questdb.progress import Progress, State
from dataflows.sinks.questdb.reading import Reading
from dataflows.sinks.questdb.spool import Appender, Entry, Kind
from dataflows.sinks.state import SinkState
from schema.questdb import META, NOT_STARTED, questdb_address
from schema.stores import COMMITTED, check_namespace, of_writer
from schema.tables import TABLES

_POLL: Final = 0.001  # seconds between two looks at the helper's progress
_HANDOVER: Final = 3.0  # seconds for the helper of a killed flow to go
QUEUE_BYTES: Final = 64 << 20  # that may wait while the server answers; while it doesn't, the spool's bound holds


class QuestDbStore:
    """Rows are acknowledged once the server has them, or, while it is away, once they are on our own disk.

    Other namespaces of the same server carry their name before the table's (`replay__bars`); the live one has none.
    """

    def __init__(
        self, url: str, namespace: str = "live", feature_names: Sequence[str] = (),
        options: QuestDbOptions | None = None, writer: str = "",
    ) -> None:  # fmt: skip
        """Open for writing: make or migrate the tables, ship what an earlier run left in the spool.

        `writer` names one of several that share the namespace.

        Raises StoreUnavailable where the server is away, a table is suspended or another dataflow writes this
        namespace, StoreMismatch where the tables are of another schema version.
        """
        self._options = options = options or QuestDbOptions()
        try:
            self.address, self.namespace = questdb_address(url), check_namespace(namespace)
        except ValueError as error:
            raise StoreMismatch(str(error)) from None
        self._features = tuple(feature_names)
        self._reading = Reading(self.address, namespace, options.patience)
        folder = options.spool / f"{self.address.host}_{self.address.http}" / of_writer(namespace, writer)
        self._committed = of_writer(COMMITTED, writer)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(folder / "questdb", of_writer(namespace, writer), _HANDOVER)
        try:
            check_answers(self.address, options.patience)
            self._reading.check_not_suspended()
            prepare(self._reading, self._features, options.retention_days)
            appender = Appender(folder, options.segment_bytes)
            self._progress = _begun(folder, appender.position)
            self._helper = Helper(
                {"url": url, "namespace": namespace, "folder": str(folder), "features": self._features,
                 "begin": appender.position, "committed": self._committed}, self._lock.fileno(),
            )  # fmt: skip
        except BaseException:
            self._lock.release()
            raise
        self._spool = Appending(appender, self._progress, self._helper.ring)
        self._folder, self._closed = folder, False
        try:
            self._ship_leftovers()
        except BaseException:
            self._release()
            raise

    def append(self, table: str, columns: Columns, sequence: int) -> None:
        """Hand rows to the spool; waits while it is full. Raises ValueError as `adopt` does and the helper's error."""
        if table not in TABLES:
            raise KeyError(f"table {table!r} is not in schema.tables; it has {list(TABLES)}")
        own, n = adopt(TABLES[table], self._features, columns)
        self._put(Kind.ROWS, sequence, frames.encode(table, own, n))

    def commit(self, sequence: int) -> None:
        """Mark that all rows up to batch `sequence` are in the spool. Notices a helper that was killed, too."""
        self._check()
        self._put(Kind.COMMIT, sequence)

    def acknowledged(self) -> int:
        """Return the newest batch number of this store object whose rows can't be lost, 0 before the first."""
        return self._progress.acknowledged

    def last_committed(self) -> int:
        """Return the newest batch number in the store, from whichever run wrote it; 0 if none did."""
        return int(self.get_meta(self._committed) or 0)

    def sync(self) -> None:
        """Flush: rows go nowhere else."""
        self.flush()

    def flush(self) -> None:
        """Wait until all that was appended is with the server or, while that is away, on our disk itself."""
        self._spool.hand_over()
        self._progress.wanted = self._spool.position
        self._helper.ring()
        while self._progress.durable < self._spool.position:
            self._check()
            time.sleep(_POLL)

    def put_meta(self, name: str, value: str) -> None:
        """Queue one value of the namespace; it becomes durable with the next commit."""
        self._put(Kind.ROWS, 0, frames.encode(META, {"name": [name], "value": [value]}, 1))

    def get_meta(self, name: str) -> str | None:
        """Return one value of the namespace."""
        return self._reading.meta(name)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Read rows that the server has; the tables of this namespace go by their names in `schema.tables`."""
        return self._reading.rows(sql, parameters)

    def state(self) -> SinkState:
        """Return how the server is doing, and how many bytes wait for it."""
        p = self._progress
        waiting, state = p.written - p.shipped, State(p.state)
        name = {State.UP: "up", State.AWAY: "spooling", State.FAILED: "failed"}[state]
        if state is State.AWAY and waiting >= self._options.spool_bytes:
            name = "full"
        detail = {"spooling": "rows are kept on our disk", "full": "the flow waits: store.spool_bytes is reached"}
        return SinkState(name, f"{self.address} {detail.get(name, '')}".strip(), waiting, p.rejected, float(p.since))

    def close(self) -> None:
        """Flush, then release. Never raises: call `flush` to learn of errors."""
        if not self._closed:
            with suppress(Exception):
                self.flush()
            self._release()

    def _put(self, kind: Kind, sequence: int, payload: Sequence[Any] = ()) -> None:
        if self._progress.state == State.FAILED:  # a look at the process itself is a system call: once a batch
            self._check()
        while self._spool.position - self._progress.shipped >= self._bound():
            self._spool.hand_over()
            time.sleep(_POLL)
            self._check()
        self._spool.put(Entry(kind, sequence, payload))

    def _bound(self) -> int:
        most = self._options.spool_bytes
        return most if self._progress.state == State.AWAY else min(most, QUEUE_BYTES)

    def _check(self) -> None:
        self._spool.check()
        self._helper.check(self._progress.state == State.FAILED)

    def _ship_leftovers(self) -> None:
        """Wait until the server has what an earlier run left."""
        self._helper.ring()
        until = time.monotonic() + self._options.patience
        self._progress.wanted = self._spool.position
        while (shipped := self._progress.shipped) < self._spool.position:
            self._check()
            if self._progress.state == State.AWAY and time.monotonic() > until:
                raise StoreUnavailable(
                    f"store {self.address}: it stopped answering; {self._spool.position - shipped} bytes that wait for "
                    f"it stay in {self._folder}; {NOT_STARTED}"
                )
            time.sleep(_POLL)

    def _release(self) -> None:
        self._closed = True
        self._spool.close()
        self._helper.stop()
        if self._progress.shipped == self._spool.position:
            for _, path in spool.segments(self._folder):
                path.unlink(missing_ok=True)
        self._lock.release()


def _begun(folder: Path, end: int) -> Progress:
    """Return the folder's progress with the numbers of a new run.

    How far the last run had shipped is believed where the spool's files agree; the server takes repeats.
    """
    progress = Progress(folder / "progress")
    begin = next((start for start, _ in spool.segments(folder)), end)
    shipped = progress.shipped if begin <= progress.shipped <= end else begin
    progress.shipped = progress.durable = shipped
    progress.acknowledged = progress.state = progress.rejected = progress.since = progress.wanted = 0
    progress.written = end
    return progress
