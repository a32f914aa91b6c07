"""A background writer with a bounded queue: hands groups of rows to `write`, in order, several at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

IDLE_SECONDS: Final = 0.05  # batches without rows are acknowledged this much later, together


@dataclass(slots=True)
class Group:
    """Rows that become durable together."""

    parts: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)  # table, adopted columns, rows
    cells: int = 0  # numbers in it, roughly
    sequence: int | None = None  # the batch that it completes, None if it completes none


class Writer:
    """Calls `write(groups, sync)` from its own thread; `sync` asks that they outlive a power cut.

    One thread calls the methods. After an error of `write` nothing more is written, and every call raises it:
    what wasn't acknowledged has to be written again by whoever resumes.
    """

    def __init__(self, write: Callable[[list[Group], bool], None], limit: int) -> None:
        """Take groups up to `limit` cells in the queue; then `put` waits."""
        self._write, self._limit = write, limit
        self._groups: deque[Group] = deque()
        self._queued = self._written = self._synced = self._target = 0  # counts of groups
        self._cells = self._acknowledged = 0
        self._error: Exception | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def acknowledged(self) -> int:
        """The newest batch number up to which everything is written."""
        return self._acknowledged

    def check(self) -> None:
        """Raise the writer's error, if there is one."""
        if self._error is not None:
            raise self._error

    def put(self, group: Group) -> None:
        """Queue a group; wait while the queue is full."""
        with self._changed:
            self._changed.wait_for(lambda: self._error or self._cells < self._limit)
            self.check()
            if self._groups and not group.parts:
                self._groups[-1].sequence = group.sequence  # idle batches cost no transaction each
                return
            self._groups.append(group)
            self._queued += 1
            self._cells += group.cells
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all that was put is written and would outlive a power cut."""
        with self._changed:
            self._target = self._queued
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._error or self._synced >= self._target)
            self.check()

    def stop(self) -> None:
        """End the thread after what is queued."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()

    def _urgent(self) -> bool:
        return self._stopping or self._target > self._synced

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._groups or self._urgent())
                self._changed.wait_for(lambda: any(g.parts for g in self._groups) or self._urgent(), IDLE_SECONDS)
                if self._stopping and not self._groups:
                    return
                groups, sync = list(self._groups), self._target > self._synced
                self._groups.clear()
            try:
                self._write(groups, sync)
            except Exception as error:
                with self._changed:
                    self._error = error
                    self._changed.notify_all()
                return
            with self._changed:
                self._written += len(groups)
                self._cells -= sum(group.cells for group in groups)
                self._synced = self._written if sync else self._synced
                completed = [group.sequence for group in groups if group.sequence is not None]
                self._acknowledged = completed[-1] if completed else self._acknowledged
                self._changed.notify_all()
