"""The checkpoint folders of processes that are dealt anew: written so that a crash leaves the old ones as they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.file import Arena
from dataflows.checkpoints.folder_lock import FILE_NAME, FolderLock
from dataflows.checkpoints.recovery import SUFFIX
from dataflows.interfaces import Snapshot
from dataflows.live import checkpoint_folder
from dataflows.sinks.configured import questdb_options
from dataflows.sinks.stores import open_store
from dataflows.split.opening import writer_of
from ops.settings import Settings


def begin(settings: Settings, snapshot: Snapshot) -> None:
    """Give a new process its checkpoint, and tell the store that the rows before it are accounted for."""
    folder, number = checkpoint_folder(settings), int(snapshot["number"])
    if any(folder.glob(f"*{SUFFIX}")):  # of an earlier process of that name, or of an attempt that failed
        _move([path for path in folder.iterdir() if path.name != FILE_NAME], _beside(folder))
    _written(folder, snapshot)
    if settings.store.url in ("null:", "memory:"):
        return
    options = questdb_options(settings)
    store = open_store(settings.store.url, settings.store.namespace, (), options, writer_of(settings))
    try:
        store.commit(number)
        store.flush()
    finally:
        store.close()


def replace(folder: Path, snapshot: Snapshot) -> None:
    """Put the checkpoint in the place of the newest; older ones speak of the old processes and go aside."""
    written = _written(folder, snapshot)
    older = [path for path in folder.glob(f"*{SUFFIX}") if path != written]
    if older:
        _move(older, _beside(folder))


def _written(folder: Path, snapshot: Snapshot) -> Path:
    """Write a checkpoint so that it is there whole or not at all."""
    path = folder / f"{int(snapshot['number']):016d}{SUFFIX}"
    checkpoint_file.write(path, *Arena().copy(snapshot))
    return path


def put_aside(folder: Path) -> str:
    """Give a folder another name, and return that."""
    aside = _beside(folder)
    folder.rename(aside)
    return str(aside)


def _move(paths: list[Path], folder: Path) -> None:
    folder.mkdir()
    for path in paths:
        path.rename(folder / path.name)


def _beside(folder: Path) -> Path:
    """Return a folder's name for what is moved aside now."""
    return folder.with_name(f"{folder.name}.{datetime.now(UTC):%Y%m%dt%H%M%S%f}")


@contextmanager
def locked(folders: Sequence[Path]) -> Iterator[None]:
    """Hold the locks of all folders. Raises AlreadyRunning where a process has one."""
    with ExitStack() as held:
        for folder in folders:
            held.callback(FolderLock(folder).release)
        yield
