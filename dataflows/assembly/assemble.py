"""Put the flow together from the settings: parts, stations in order, checkpoints."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dataflows.assembly.flow import Flow
from dataflows.assembly.parts import Parts
from dataflows.assembly.topology import flow_of
from dataflows.batch import Batch
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.checkpoints.folder_lock import FolderLock
from dataflows.interfaces import Source
from dataflows.kernel_cache import forget_stale
from dataflows.sinks.catalogue import describe
from dataflows.sinks.refill import published
from dataflows.sources.stored_run import LANES
from dataflows.split.roles import Joined, Role, Shard
from features.catalogue import Group
from ops.log import logger
from ops.settings import Settings
from schema.events import Decision
from schema.stores import of_writer

# How long a thread that wants the interpreter waits for it. The store's writer needs it several times a statement; at
# Python's 5 ms it fell 450 batches behind a replay at full speed, so that hardly a checkpoint counted; now 2 batches,
# and the replay takes as long as before.
SWITCH_SECONDS = 0.0002


class NothingToResume(RuntimeError):
    """A resume was asked for and there is no checkpoint that fits."""


def assemble(
    settings: Settings,
    source: Source,
    *,
    checkpoint_folder: Path | FolderLock | None = None,
    resume: bool = False,
    decided: Sequence[Decision] | None = None,
    clock: Callable[[], int] = time.time_ns,
    on_batch: Callable[[Batch], None] = lambda batch: None,
    groups: tuple[Group, ...] | None = None,
    role: Role | None = None,
) -> Flow:
    """Build the flow over a source; with `resume`, continue from the newest checkpoint that fits the store.

    The checkpoint folder is locked before anything is opened or read; a caller that had to look into it before hands
    the lock over instead.
    `decided` are the decisions of another run over the same input: they are obeyed and no others are made. None:
    those that the store holds of this run are obeyed, and new ones are made. `groups` are the feature groups to
    compute; None: those that the settings switch on. `role` is the process's in the split topology; None: fused.

    Raises NamespaceInUse where the store holds rows of a run that isn't resumed, NothingToResume where no
    checkpoint fits, and what the lock, the store, the checkpoints and the calendar raise.
    """
    forget_stale()
    sys.setswitchinterval(SWITCH_SECONDS)
    lock = FolderLock(checkpoint_folder) if isinstance(checkpoint_folder, Path) else checkpoint_folder
    with contextlib.ExitStack() as undo:
        if lock is not None:
            undo.callback(lock.release)
        parts = Parts(settings, source, clock, decided, groups, role)
        undo.callback(parts.store.close)
        undo.callback(parts.bus.close)
        parts.refuse_foreign_rows(resume)
        parts.bus.refill_from(published(parts.store, settings.store.namespace), fresh=not resume)
        if not isinstance(role, Shard):
            describe(parts.store, parts.groups)
        if not isinstance(role, Joined):  # which reads rows: lanes are those of ticks
            parts.store.put_meta(of_writer(LANES, parts.writer), json.dumps(list(source.lanes)))
        flow = flow_of(parts)
        flow.pipeline.on_batch = on_batch
        if lock is not None:
            _attach_checkpoints(flow, settings, lock, resume)
        elif resume:
            raise NothingToResume("resume: this run keeps no checkpoints; give it a folder with --checkpoint-dir")
        undo.pop_all()
        return flow


def _attach_checkpoints(flow: Flow, settings: Settings, lock: FolderLock, resume: bool) -> None:
    checkpoints = Checkpoints(lock.folder, flow.acknowledged, settings.checkpoint.keep, lock)
    checkpoints.archive_days = settings.checkpoint.archive_days
    flow.pipeline.checkpoints = checkpoints
    if not resume:
        checkpoints.clear()
        return
    stored = flow.store.last_committed()
    keeps_rows = settings.store.url != "null:"
    snapshot, complaints = checkpoints.newest(lambda found: found["number"] <= stored or not keeps_rows)
    if snapshot is None:
        raise NothingToResume(
            f"resume: folder {lock.folder.name} holds no checkpoint that fits the store, which is at batch {stored}"
            + "".join(f"; {complaint}" for complaint in complaints)
            + "; `undertone recovery inspect` shows them, `undertone recovery reset` moves checkpoints and rows aside "
            "for a run from the beginning"
        )
    for complaint in complaints:
        logger("checkpoint").warning("a newer checkpoint was passed over", reason=complaint)
    flow.pipeline.restore(snapshot)
    logger("checkpoint").info("resumed", batch=flow.pipeline.number, store=stored)
    del snapshot  # as much memory as the cuts need
    checkpoints.prepare(flow.pipeline.snapshot())
