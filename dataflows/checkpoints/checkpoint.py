"""Checkpoints: cut between two batches, written in the background, counted once the sinks have caught up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dataflows.checkpoints import archive
from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.file import Arena, DamagedCheckpoint
from dataflows.checkpoints.folder_lock import FolderLock
from dataflows.interfaces import Snapshot


class Checkpoints:
    """The checkpoints of one namespace and partition set, newest last; the folder is locked while open.

    A checkpoint counts (carries its final name) once its file is durable and `acknowledged()` has reached the batch
    it was cut behind: then everything before the cut is in the store, and everything after will be written again.
    """

    def __init__(
        self, folder: Path, acknowledged: Callable[[], int], keep: int = 5, lock: FolderLock | None = None
    ) -> None:
        """Open the folder, make it if it isn't there, and remove what a killed process left half written.

        `lock` is the folder's where the caller has taken it; it is released with `close`. Raises AlreadyRunning while
        another process holds the folder.
        """
        self._lock = FolderLock(folder) if lock is None else lock
        self.folder = folder
        self.acknowledged = acknowledged
        self.keep = keep
        self.archive_days = 0  # how many days' first checkpoints are kept; 0 for none
        self.last_size = 0
        self.last_written = 0.0
        self.counted = -1  # batch number of the newest checkpoint that counts, one resumed from too; -1 for none
        self._arena = Arena()
        self._writer: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._sweep()

    @property
    def busy(self) -> bool:
        """Whether the last cut is still being written or waits for the sinks; the next cut must wait."""
        return self._writer is not None and self._writer.is_alive()

    def prepare(self, snapshot: Snapshot) -> None:
        """Take the memory that a cut of such a state needs: the first cut is as fast as the others then."""
        self._arena.copy(snapshot)

    def cut(self, snapshot: Snapshot, number: int) -> None:
        """Copy the state behind batch `number` and write it in the background. Raises what the last one met."""
        self._raise_failure()
        tree, body = self._arena.copy(snapshot)
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
        self._lock.release()

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
                self.counted = int(path.stem)
                return snapshot, complaints
            complaints.append(f"checkpoint {path.name}: the store does not hold all rows before it")
        return None, complaints

    def _write(self, tree: Snapshot, body: Sequence[memoryview], number: int) -> None:
        try:
            pending = self.folder / f"{number:016d}.pending"
            self.last_size = checkpoint_file.write(pending, tree, body)
            # A store that was opened again has acknowledged nothing yet; what a checkpoint counted on it still has.
            while max(self.counted, self.acknowledged()) < number:
                time.sleep(0.005)
            counts = pending.rename(pending.with_suffix(".checkpoint"))
            archive.keep_first_of_day(counts, tree, self.archive_days)
            self.last_written, self.counted = time.time(), number
            self._prune()
        except BaseException as error:
            self._failure = error

    def _prune(self) -> None:
        for path in sorted(self.folder.glob("*.checkpoint"))[: -self.keep]:
            path.unlink()
        self._sweep()

    def _sweep(self) -> None:
        """Remove files that never counted: those of a killed process, or of a write that failed."""
        for pattern in ("*.pending", "*.part"):
            for path in self.folder.glob(pattern):
                path.unlink()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
