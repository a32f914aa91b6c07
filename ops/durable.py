"""Files that are there whole or not at all, also when the power fails."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk itself. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(beside: Path, path: Path) -> None:
    """Give a file that was written beside its place its name, in place of what had it. Raises OSError.

    Both are durable on return; whoever looks meanwhile finds the old file or the whole new one.
    """
    sync(beside)
    beside.replace(path)
    sync(path.parent)
