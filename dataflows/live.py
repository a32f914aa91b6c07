"""The live dataflow under Bytewax, by the settings of this folder: `python -m bytewax.run dataflows.live:flow`.

It reads `source.url`, continues from the newest checkpoint that fits if there is one, and drains on SIGTERM: the
source ends, what is in flight goes through, and a last checkpoint is cut.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dataflows.assembly.assemble import NothingToResume, assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.checkpoints.folder_lock import FolderLock
from dataflows.engine import dataflow
from dataflows.interfaces import Source
from dataflows.sources.files import FileSource
from dataflows.sources.segments import SCHEME, SegmentSource
from dataflows.sources.synthetic import SyntheticMarket
from dataflows.split import opening as split
from ops.errors import ConfigurationError
from ops.settings import Settings, load
from schema.stores import of_writer
from schema.timeframes import SECOND

if TYPE_CHECKING:
    from bytewax.dataflow import Dataflow

MARKET_OPENED: Final = "market-opened"  # file beside the checkpoints


def open_source(settings: Settings, folder: Path, clock: Callable[[], int] = time.time_ns) -> Source:
    """Open what `source.url` names: a topic, a segment log, files of ticks, or the built-in market.

    The market opens now; when it did is kept in `folder` beside the checkpoints, which are of that market only.
    """
    if settings.source.url.startswith(SCHEME):
        try:
            return SegmentSource.parse(settings.source.url)
        except ValueError as error:
            raise ConfigurationError(f"setting source.url: {error}") from None
    if settings.source.url.startswith("kafka:"):
        from dataflows.kafka.opening import open_kafka

        return open_kafka(settings)
    if settings.source.url != "synthetic:":
        return FileSource([Path(part) for part in settings.source.url.split(",")], lanes=settings.order.lanes)
    opened = _opened(folder / MARKET_OPENED, clock)
    return SyntheticMarket(
        settings.source.symbols, seed=settings.source.seed, start_ns=opened, opened_ns=opened, pace=1.0,
        lanes=settings.order.lanes, clock=clock,
    )  # fmt: skip


def _opened(path: Path, clock: Callable[[], int]) -> int:
    """Return when the built-in market opened (ns UTC, whole seconds): as kept, else now."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(clock() // SECOND * SECOND))
    return int(path.read_text())


def assemble_live(settings: Settings, on_batch: Callable[[Batch], None] = lambda batch: None) -> Flow:
    """Build the flow over the live source, resumed where a checkpoint is there.

    The folder is locked first: what follows looks into it and changes it.
    """
    split.check(settings)
    lock = FolderLock(checkpoint_folder(settings))
    try:
        resume = any(lock.folder.glob("*.checkpoint"))
        if not resume:
            (lock.folder / MARKET_OPENED).unlink(missing_ok=True)
            _needs_no_checkpoint(settings)
        joins = settings.split.topology == "inference"
        source = split.open_rows(settings) if joins else open_source(settings, lock.folder)
        try:
            role = split.role_of(settings)
            return assemble(settings, source, checkpoint_folder=lock, resume=resume, on_batch=on_batch, role=role)
        except BaseException:
            source.close()
            raise
    except BaseException:
        lock.release()
        raise


def _needs_no_checkpoint(settings: Settings) -> None:
    if settings.source.url.startswith("kafka:") and settings.source.start == "snapshot":
        raise NothingToResume(
            f"source.start is snapshot, and folder {checkpoint_folder(settings).name!r} of checkpoint.directory holds "
            "no checkpoint; bring it back, or say where to begin: source.start = earliest, latest or a time"
        )


def checkpoint_folder(settings: Settings) -> Path:
    """Return where a dataflow with these settings keeps its checkpoints: one folder a namespace, and shard."""
    return settings.checkpoint.directory / of_writer(settings.store.namespace, split.writer_of(settings))


def drain_on_sigterm(flow: Flow) -> None:
    """Let SIGTERM end the input, so that the dataflow ends in good order."""

    def drain(signum: int, frame: object) -> None:
        flow.pipeline.draining = True

    signal.signal(signal.SIGTERM, drain)


def _from_settings() -> Dataflow:
    running = assemble_live(load())
    drain_on_sigterm(running)
    return dataflow(running.pipeline, running.finish)


def __getattr__(name: str) -> Dataflow:
    """Make `flow` when Bytewax asks for it; importing this module opens nothing."""
    if name == "flow":
        return _from_settings()
    raise AttributeError(name)
