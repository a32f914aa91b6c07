"""One dataflow a checkpoint folder: a lock of the operating system, given back however the process ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

FILE_NAME: Final = "lock"
_PATIENCE: Final = 0.2  # seconds: `holder` of another process has the lock for a moment


class AlreadyRunning(RuntimeError):
    """Another process writes checkpoints into the same folder."""


class FolderLock:
    """Held from construction to `release`, or until the process ends: the kernel frees it after a kill -9 too."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing and take its lock.

        Raises AlreadyRunning, naming the holder's process, where another one has it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._handle = os.open(folder / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not _taken(self._handle):
            holder = os.pread(self._handle, 32, 0).decode() or "unknown"
            os.close(self._handle)
            raise AlreadyRunning(
                f"checkpoint folder {folder.name}: the dataflow with process id {holder} holds it; "
                "stop that one, or run this one in another namespace"
            )
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the folder go. The file stays: removing it would let two later holders lock different files."""
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = -1


def _taken(handle: int) -> bool:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.01)


def holder(folder: Path) -> int | None:
    """Return the process id of the folder's dataflow, None if none runs. Takes nothing."""
    try:
        handle = os.open(folder / FILE_NAME, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(handle, 32, 0).decode()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(handle)
    return None
