"""Look at the checkpoints of a namespace, move them aside, copy one into another namespace."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.file import DamagedCheckpoint
from dataflows.checkpoints.folder_lock import FolderLock, holder
from dataflows.checkpoints.state_versions import StateVersionMismatch, migrated
from dataflows.interfaces import Snapshot
from dataflows.sinks.aside import move_rows_aside
from dataflows.sinks.stores import open_store
from dataflows.stored import open_place
from ops.errors import ConfigurationError, UsageError
from schema.stores import check_namespace
from schema.tables import SCHEMA_VERSION

SUFFIX = ".checkpoint"
KEPT_BESIDE = "market-opened"  # what belongs to a run beside its checkpoints


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint file. What can't be read of a damaged one is None."""

    file: str
    bytes: int
    written: float  # Unix time
    damage: str | None = None
    batch: int | None = None
    watermark: int | None = None  # ns UTC
    sequence: int | None = None  # of the last prediction before it
    position: dict[str, Any] | None = None
    misfit: str | None = None  # why a start with these settings would refuse it
    beyond_store: bool = False  # the store lacks rows before it: an older one is taken


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store says of the namespace."""

    batch: int  # newest whose rows are in it
    sequence: int | None  # of its newest prediction
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """A namespace's folder and store, newest checkpoint first."""

    folder: str
    running: int | None  # process id
    fingerprint: str
    store: Stored
    checkpoints: list[Found]

    @property
    def next_start(self) -> Found | None:
        """The checkpoint that the next start takes: the newest that is whole and not beyond the store."""
        return next((f for f in self.checkpoints if f.damage is None and not f.beyond_store), None)


def survey(folder: Path, url: str, namespace: str, fingerprint: str) -> Survey:
    """Look at everything and take nothing: the namespace's dataflow may be running."""
    stored = _stored(url, namespace)
    paths = sorted(folder.glob(f"*{SUFFIX}"), reverse=True)
    found = [_found(path, fingerprint, None if url == "null:" else stored.batch) for path in paths]
    return Survey(str(folder), holder(folder), fingerprint, stored, [f for f in found if f is not None])


def _stored(url: str, namespace: str) -> Stored:
    try:
        place = open_place(url, namespace)
        return Stored(int(place.meta("committed") or 0), place.newest_sequence())
    except ValueError as error:
        return Stored(0, None, str(error))


def _found(path: Path, fingerprint: str, stored: int | None) -> Found | None:
    try:
        stat = path.stat()
        snapshot = checkpoint_file.read(path)
    except FileNotFoundError:  # a running dataflow keeps the newest few only
        return None
    except DamagedCheckpoint as error:
        return Found(path.name, stat.st_size, stat.st_mtime, damage=str(error))
    stations = snapshot["stations"]
    number = int(snapshot["number"])
    return Found(
        path.name,
        stat.st_size,
        stat.st_mtime,
        batch=number,
        watermark=stations.get("order", {}).get("buffer", {}).get("watermark"),
        sequence=stations.get("sinks", {}).get("sequence"),
        position=brief(snapshot["position"]),
        misfit=misfit(snapshot, fingerprint),
        beyond_store=stored is not None and number > stored,
    )


def misfit(snapshot: Snapshot, fingerprint: str) -> str | None:
    """Return why a flow of these columns can't go on from a snapshot, None if it can."""
    try:
        snapshot = migrated(snapshot)
    except StateVersionMismatch as error:
        return str(error)
    ours = {"schema_version": SCHEMA_VERSION, "fingerprint": fingerprint}
    differ = [f"{key} {snapshot[key]}, expected {value}" for key, value in ours.items() if snapshot[key] != value]
    return "; ".join(differ) or None


def brief(position: Snapshot) -> dict[str, Any]:
    """Return the single numbers and texts of a source's position, and short lists."""
    plain = {key: value.tolist() if hasattr(value, "tolist") else value for key, value in position.items()}
    return {
        key: value
        for key, value in plain.items()
        if not isinstance(value, dict | list) or (isinstance(value, list) and len(value) <= 16)
    }


def reset(folder: Path, url: str, namespace: str, now: datetime | None = None) -> dict[str, str | None]:
    """Move checkpoints and rows of a namespace aside, so that the next start begins anew. Nothing is deleted.

    Raises AlreadyRunning while a dataflow holds the folder.
    """
    mark = f"{now or datetime.now(UTC):%Y%m%dt%H%M%S}"
    lock = FolderLock(folder)
    try:
        rows = move_rows_aside(url, namespace, check_namespace(f"{namespace[:24]}_{mark}"))
        aside = folder.with_name(f"{folder.name}.{mark}")
        aside.mkdir()
        for path in [path for path in folder.iterdir() if path.name != "lock"]:
            path.rename(aside / path.name)
    finally:
        lock.release()
    return {"checkpoints": str(aside), "rows": rows}


def fork(
    folder: Path, url: str, namespace: str, name: str, batch: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Found:  # fmt: skip
    """Copy a checkpoint (the newest whole one, or that of `batch`) into namespace `name`, ready to be resumed there.

    The new namespace's store begins with no rows but the decisions before the checkpoint. Raises ConfigurationError
    where there is none, UsageError where the new namespace is taken.
    """
    if check_namespace(name) == namespace:
        raise UsageError(f"fork: the namespace is {namespace!r} itself; name another one")
    snapshot, path = _chosen(folder, batch, say)
    target = folder.with_name(name)
    lock = FolderLock(target)
    try:
        _refuse_taken(target, url, name)
        (target / path.name).write_bytes(path.read_bytes())
        if (folder / KEPT_BESIDE).is_file():
            shutil.copy2(folder / KEPT_BESIDE, target / KEPT_BESIDE)
        _begin_store(url, namespace, name, snapshot)
    finally:
        lock.release()
    found = _found(target / path.name, str(snapshot["fingerprint"]), None)
    assert found is not None
    return found


def _chosen(folder: Path, batch: int | None, say: Callable[[str], None]) -> tuple[Snapshot, Path]:
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        if batch is None or int(path.stem) == batch:
            try:
                return checkpoint_file.read(path), path
            except DamagedCheckpoint as error:
                say(str(error))
    what = "whole checkpoint" if batch is None else f"whole checkpoint of batch {batch}"
    raise ConfigurationError(f"fork: folder {folder} holds no {what}; `undertone recovery inspect` lists what is there")


def _refuse_taken(target: Path, url: str, name: str) -> None:
    if any(target.glob(f"*{SUFFIX}")) or _stored(url, name).batch:
        raise UsageError(
            f"fork: namespace {name!r} has checkpoints or rows already; name another one, or move them aside with "
            f"`undertone recovery reset --namespace {name}`"
        )


def _begin_store(url: str, namespace: str, name: str, snapshot: Snapshot) -> None:
    """Say in the new namespace that all rows before the checkpoint are accounted for: they stand in the old one."""
    if url in ("null:", "memory:"):
        return
    from dataflows.sinks.rows import decision_columns

    number, passed = int(snapshot["number"]), int(snapshot["stations"]["order"]["buffer"]["watermark"])
    decisions = [decision for decision in open_place(url, namespace).decisions() if decision.time <= passed]
    store = open_store(url, name)
    try:
        if decisions:
            store.append("decisions", decision_columns(decisions), number)
        store.put_meta("forked_from", f"{namespace} at batch {number}")
        store.commit(number)
        store.flush()
    finally:
        store.close()
