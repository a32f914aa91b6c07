"""`undertone replay`: the same dataflow over history, at full speed or at a multiple of its pace."""

from __future__ import annotations

import resource
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dataflows import certificate
from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.interfaces import Snapshot, Source
from dataflows.segments.reader import CHUNK_BYTES
from dataflows.sources.files import FileSource
from dataflows.sources.paced import Paced
from dataflows.sources.segments import SegmentSource, lanes_in
from dataflows.stored import Place
from ops.commands.replay_stored import as_decided, stored_run
from ops.drain import Drain
from ops.errors import ConfigurationError, UsageError
from ops.progress import Progress
from ops.settings import Settings
from ops.tables import print_json

BATCH_SIZE = 65_536
PACED_BATCH_SIZE = 32  # so that a batch does not wait long for its last tick
PACED_CHUNK_BYTES = 2_000  # of a segment log, for the same reason


def run(
    settings: Settings,
    *,
    json: bool,
    drain: Drain,
    files: list[Path],
    start: int | None,
    end: int | None,
    namespace: str | None,
    pace: float,
    resume: bool,
    decisions: str | None,
    engine: str,
    batch_size: int | None,
    from_kafka: bool = False,
    from_store: bool = False,
) -> int:
    """Replay files, the folder of a segment log, a topic, or a stored run, and print what became of every tick."""
    if from_kafka + from_store + bool(files) != 1:
        raise UsageError("replay takes files of ticks, --from-kafka or --from-store, one of the three")
    ran, settings = settings, _own_place(settings, namespace)
    source: Source
    begin: Snapshot | None = None
    if from_store:
        settings = as_decided(settings, ran, namespace)
        source, begin = stored_run(ran, start, end, batch_size or BATCH_SIZE, resume)
        decisions = decisions or f"{ran.store.url}#{ran.store.namespace}"
    elif from_kafka:
        source = _topic(settings, start, end, pace)
    else:
        source = _source(settings, files, start, end, batch_size, pace)
    folder = _folder(settings, resume)
    progress = Progress(_rows(files), "ticks", quiet=json)
    flow: Flow

    def on_batch(batch: Batch) -> None:
        progress.at(flow.tally.counts.ticks_read)

    decided = None if decisions is None else Place.parse(decisions, "live").decisions()
    flow = assemble(
        settings, source, checkpoint_folder=folder, resume=resume, decided=decided, on_batch=on_batch
    )  # fmt: skip
    if begin is not None:
        flow.pipeline.restore(begin)
    flow.pipeline.drain_asked = lambda: drain.asked
    before, began = flow.tally.counts.ticks_read, time.perf_counter()
    try:
        drive(flow, engine)
        report = _report(flow, time.perf_counter() - began, before)
        if folder is not None:
            (folder / certificate.FILE_NAME).write_text(flow.certifier.certificate().to_json())
    finally:
        progress.close()
        flow.close()
    _print(report, json, complete=flow.pipeline.ended)
    return 0


def drive(flow: Flow, engine: str) -> None:
    """Run a flow to its end by the in-process runner or by Bytewax, and make everything durable."""
    if engine == "bytewax":
        from dataflows import engine as bytewax

        bytewax.run(flow.pipeline, flow.finish)
    else:
        flow.pipeline.run()
        flow.finish()


def _own_place(settings: Settings, namespace: str | None) -> Settings:
    """Point store and bus away from the live rows unless they were chosen; nothing is appended to Kafka."""
    store, bus = settings.store, settings.bus
    if "url" not in store.model_fields_set:
        store = store.model_copy(update={"url": "null:"})
    if "url" not in bus.model_fields_set:
        bus = bus.model_copy(update={"url": "null:"})
    if namespace is not None or "namespace" not in store.model_fields_set:
        store = store.model_copy(update={"namespace": namespace or "replay"})
    kafka = settings.kafka.model_copy(update={"predictions": "", "features": ""})
    return settings.model_copy(update={"store": store, "bus": bus, "kafka": kafka})


def _source(
    settings: Settings, files: list[Path], start: int | None, end: int | None, batch_size: int | None, pace: float
) -> Source:
    if len(files) == 1 and lanes_in(files[0]):
        return _log(files[0], start, end, pace)
    source = FileSource(
        files, batch_size=batch_size or (PACED_BATCH_SIZE if pace else BATCH_SIZE), lanes=settings.order.lanes,
        start_ns=start, end_ns=end, symbols=settings.universe.listed,
    )  # fmt: skip
    return Paced(source, pace) if pace else source


def _log(folder: Path, start: int | None, end: int | None, pace: float) -> Source:
    """Read a segment log from its first record to the end that it has now."""
    if start is not None or end is not None:
        raise UsageError(f"replay: {folder} is a segment log, which is replayed whole; --from and --to are for files")
    source = SegmentSource(folder, follow=False, chunk_bytes=PACED_CHUNK_BYTES if pace else CHUNK_BYTES)
    return Paced(source, pace) if pace else source


def _topic(settings: Settings, start: int | None, end: int | None, pace: float) -> Source:
    """Read what the topic of source.url holds now."""
    from dataflows.kafka.opening import open_history

    if pace:
        raise UsageError("replay: a topic is read as fast as it comes, not at a pace; leave --pace away")
    if not settings.source.url.startswith("kafka:"):
        raise ConfigurationError(
            f"replay: source.url is {settings.source.url!r}, expected the topic as kafka://host:port/topic; give it "
            "with --source or in the settings"
        )
    return open_history(settings, start, end)


def _folder(settings: Settings, resume: bool) -> Path | None:
    """Keep checkpoints where rows are kept, or where a folder was named."""
    chosen = "directory" in settings.checkpoint.model_fields_set
    if settings.store.url == "null:" and not chosen and not resume:
        return None
    return settings.checkpoint.directory / settings.store.namespace


def _rows(files: list[Path]) -> int | None:
    """Return how many ticks the files hold, None where only reading them would tell."""
    import pyarrow.parquet as pq

    if not files or any(path.suffix != ".parquet" for path in files):
        return None
    return sum(int(pq.ParquetFile(path).metadata.num_rows) for path in files)


def _report(flow: Flow, seconds: float, before: int) -> dict[str, Any]:
    counts = asdict(flow.tally.counts)
    return {
        **counts,
        "barriers": dict(flow.barrier.barrier.reasons),
        "seconds": round(seconds, 3),
        "ticks_per_second": round((counts["ticks_read"] - before) / seconds),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "certificate": flow.certifier.certificate().digest,
        "station_seconds": {name: round(spent, 3) for name, spent in flow.pipeline.seconds.items()},
    }


def _print(report: dict[str, Any], json: bool, complete: bool) -> None:
    report["complete"] = complete
    if json:
        print_json(report)
        return
    for name, value in report.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {part:,}" for key, part in value.items()) or "none"
        elif isinstance(value, int | float) and not isinstance(value, bool):
            value = f"{value:,}"
        print(f"{name.replace('_', ' '):>18}  {value}")
