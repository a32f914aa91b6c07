"""The archive: one checkpoint a UTC day of event time, kept for replays that begin there."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dataflows.checkpoints import file as checkpoint_file
from dataflows.interfaces import Snapshot
from schema.timeframes import SECOND

FOLDER: Final = "archive"  # in the checkpoints' folder
_SUFFIX: Final = ".checkpoint"


def watermark_of(tree: Snapshot) -> int | None:
    """Return the watermark that a snapshot was taken at (ns UTC), None before the first tick or without one."""
    watermark: Any = tree.get("stations", {}).get("order", {}).get("buffer", {}).get("watermark")
    return int(watermark) if watermark is not None and watermark > 0 else None


def keep_first_of_day(path: Path, tree: Snapshot, days: int) -> None:
    """Archive a checkpoint that counts where it is the first of its day; the oldest beyond `days` go.

    It is a second name of the same file, so it costs no writing.
    """
    watermark = watermark_of(tree)
    if watermark is None or not days:
        return
    folder = path.parent / FOLDER
    kept = folder / f"{datetime.fromtimestamp(watermark // SECOND, UTC):%Y-%m-%d}{_SUFFIX}"
    if kept.exists():
        return
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.link(path, kept)
    for old in sorted(folder.glob(f"*{_SUFFIX}"))[:-days]:
        old.unlink()


def newest_before(folder: Path, time: int) -> tuple[Snapshot, str] | None:
    """Return the newest archived state whose watermark isn't behind `time` (ns UTC), and its day; None without one.

    Raises DamagedCheckpoint where the one to take can't be read.
    """
    last = f"{datetime.fromtimestamp(time // SECOND, UTC):%Y-%m-%d}"
    for path in sorted((folder / FOLDER).glob(f"*{_SUFFIX}"), reverse=True):
        if path.stem > last:
            continue
        snapshot = checkpoint_file.read(path)
        watermark = watermark_of(snapshot)
        if watermark is not None and watermark <= time:
            return snapshot, path.stem
    return None
