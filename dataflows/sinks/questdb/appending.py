"""Appending to the spool from a thread, so that a busy disk holds the thread up and not the flow."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.sinks.questdb.progress import Progress
from dataflows.sinks.questdb.spool import Appender, Kind, size_of

Words = Sequence[NDArray[np.uint64]]


class _Record(NamedTuple):
    kind: Kind
    sequence: int
    payload: Words


_END: Final = None


class Appending:
    """The flow's end of the spool: `put` never touches the disk.

    The thread is in system calls, which let the interpreter go, but for some microseconds a record. (In the flow's
    own thread a write of 6 MB took 2 ms on an idle disk and 40 ms on one that others wrote to.)
    """

    def __init__(self, appender: Appender, progress: Progress, written: Callable[[], None]) -> None:
        """Append behind what is there; `written` is called after each record."""
        self._appender, self._progress, self._written = appender, progress, written
        self.position = appender.position  # behind the newest record, written or not
        self._records: queue.SimpleQueue[_Record | None] = queue.SimpleQueue()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)
        self._thread.start()

    def put(self, kind: Kind, sequence: int, payload: Words = ()) -> None:
        """Hand a record over; nobody may change its arrays any more."""
        self._records.put(_Record(kind, sequence, payload))
        self.position += size_of(payload)

    def check(self) -> None:
        """Raise what kept a record from being written."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Write what was handed over, then release the file."""
        self._records.put(_END)
        self._thread.join()
        self._appender.close()

    def _run(self) -> None:
        while (record := self._records.get()) is not _END:
            if self._error is not None:
                continue
            try:
                self._progress.written = self._appender.append(*record)
            except Exception as error:
                self._error = error
            self._written()
