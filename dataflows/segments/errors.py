"""What a segment log raises. The exit code of the process follows from the class."""

from __future__ import annotations

import os
from pathlib import Path


class LogUnavailable(RuntimeError):
    """The log isn't there yet, is written by another process, or the disk doesn't take it: try again later."""

    exit_code = 75


class DamagedLog(ValueError):
    """A segment that can't be read although what comes after it can: bytes were altered or lost."""

    exit_code = 78


class RecordsRemoved(ValueError):
    """Records that were to be read are gone: retention removed them before they were."""

    exit_code = 78


def cannot_write(path: Path, error: OSError) -> LogUnavailable:
    """Say of an error of the disk where it happened and what to do."""
    return LogUnavailable(
        f"segment log {path}: can't be written: {error.strerror or os.strerror(error.errno or 0)}; make room or mend "
        "the folder, then start again: what was missed meanwhile is marked as a gap"
    )
