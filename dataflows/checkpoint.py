"""Checkpoints: cut between two batches, written in the background, counted once the sinks have caught up."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dataflows import checkpoint_file
from dataflows.checkpoint_file import Arena, DamagedCheckpoint
from dataflows.interfaces import Snapshot


class AlreadyRunning(RuntimeError):
    """Another process writes checkpoints into the same folder."""


class Checkpoints:
    """The checkpoints of one namespace and partition set, newest last; the folder is locked while open.

    A checkpoint counts (carries its final name) once its file is durable and `acknowledged()` has reached the batch
    it was cut behind: then everything before the cut is in the store, and everything after will be written again.
    """

    def __init__(self, folder: Path, acknowledged: Callable[[], int], keep: int = 5) -> None:
        """Open the folder, make it if it isn't there.

        Raises AlreadyRunning while another process holds it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.acknowledged = acknowledged
        self.keep = keep
        self.last_size = 0
        self.last_seconds = 0.0
        self.last_written = 0.0
        self._lock = _locked(folder)
        self._arena = Arena()
        self._writer: threading.Thread | None = None
        self._failure: BaseException | None = None

    @property
    def busy(self) -> bool:
        """Whether the last cut is still being written or waits for the sinks; the next cut must wait."""
        return self._writer is not None and self._writer.is_alive()

    def cut(self, snapshot: Snapshot, number: int) -> None:
        """Copy the state behind batch `number` and write it in the background. Raises what the last one met."""
        self._raise_failure()
        began = time.perf_counter()
        tree, body = self._arena.copy(snapshot)
        self.last_seconds = time.perf_counter() - began
        self._writer = threading.Thread(target=self._write, args=(tree, body, number), name="checkpoint", daemon=True)
        self._writer.start()

    def clear(self) -> None:
        """Remove the checkpoints of an earlier run, which this one does not continue."""
        for path in self.folder.glob("*.checkpoint"):
            path.unlink()

    def finish(self) -> None:
        """Wait until the last cut counts. Raises what kept it from it."""
        if self._writer is not None:
            self._writer.join()
        self._raise_failure()

    def close(self) -> None:
        """Let the folder go. Never raises."""
        os.close(self._lock)

    def newest(self, fits: Callable[[Snapshot], bool] = lambda _: True) -> tuple[Snapshot | None, list[str]]:
        """Return the newest checkpoint that is whole and fits, and what was wrong with newer ones."""
        complaints = []
        for path in sorted(self.folder.glob("*.checkpoint"), reverse=True):
            try:
                snapshot = checkpoint_file.read(path)
            except DamagedCheckpoint as error:
                complaints.append(str(error))
                continue
            if fits(snapshot):
                return snapshot, complaints
            complaints.append(f"checkpoint {path.name}: the store does not hold all rows before it")
        return None, complaints

    def _write(self, tree: Snapshot, body: memoryview, number: int) -> None:
        try:
            pending = self.folder / f"{number:016d}.pending"
            self.last_size = checkpoint_file.write(pending, tree, body)
            while self.acknowledged() < number:
                time.sleep(0.005)
            pending.rename(pending.with_suffix(".checkpoint"))
            self.last_written = time.time()
            self._prune()
        except BaseException as error:
            self._failure = error

    def _prune(self) -> None:
        for path in sorted(self.folder.glob("*.checkpoint"))[: -self.keep]:
            path.unlink()
        for path in self.folder.glob("*.pending"):
            path.unlink()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure


def _locked(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode() or "unknown"
        os.close(handle)
        raise AlreadyRunning(
            f"checkpoint folder {folder.name}: the dataflow with process id {holder} holds it; "
            "stop that one, or run this one in another namespace"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle
