"""One writer a store and namespace: an advisory lock of the operating system beside the database."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from dataflows.sinks.errors import StoreUnavailable


class WriterLock:
    """Held from construction to `release`, or until the process ends, however it ends."""

    def __init__(self, path: Path, namespace: str, patience: float = 0.0) -> None:
        """Take the lock; wait up to `patience` seconds for its holder to go.

        Raises StoreUnavailable naming the holder's process where there is one.
        """
        self.path = path.with_name(f"{path.name}.{namespace}.lock")
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreUnavailable(
                f"store {path}: the lock file {self.path.name} can't be made: {error.strerror}; "
                "check that the folder exists and can be written"
            ) from error
        if not _locked(self._file, time.monotonic() + patience):
            holder = os.read(self._file, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreUnavailable(
                f"store {path}: namespace {namespace!r} is being written by process {holder}; "
                "stop that dataflow, or choose another namespace or another store"
            )
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def fileno(self) -> int:
        """Return the file that holds the lock; a process that inherits it holds it too."""
        return self._file

    def release(self) -> None:
        """Give the lock back. The file stays: removing it would let two later writers hold different files."""
        if self._file >= 0:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def _locked(file: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
