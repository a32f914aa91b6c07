"""Put the flow together from the settings: stations in order, store, bus, checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataflows.batch import Batch
from dataflows.calendars import sessions_of_calendar
from dataflows.certificate import Certifier
from dataflows.checkpoint import Checkpoints
from dataflows.interfaces import Bus, Source, Station
from dataflows.pipeline import Pipeline
from dataflows.sinks.bus import open_bus
from dataflows.sinks.catalogue import describe
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore, open_store
from dataflows.stations.barrier import BarrierStation
from dataflows.stations.bars import BarStation
from dataflows.stations.features import BarFeatures, CrossSection, TickFeatures
from dataflows.stations.gate import Gate
from dataflows.stations.order import Order
from dataflows.stations.tally import Tally
from dataflows.universe import Universe
from features import families
from features.catalogue import Group, column_fingerprint, registered
from features.engine import FeatureEngine
from ops.settings import Settings
from schema.events import Decision, DecisionKind
from schema.stores import stored_name
from schema.timeframes import Timeframe, parse_timeframes

if TYPE_CHECKING:
    from dataflows.stations.inference import Inference

MILLISECOND = 1_000_000  # ns


class NothingToResume(RuntimeError):
    """A resume was asked for and there is no checkpoint that fits."""


class NamespaceInUse(RuntimeError):
    """The store's namespace holds rows of another run."""


@dataclass
class Flow:
    """A flow ready to run, and what a command wants to look at."""

    pipeline: Pipeline
    universe: Universe
    timeframes: tuple[Timeframe, ...]
    features: FeatureEngine
    certifier: Certifier
    tally: Tally
    barrier: BarrierStation
    inference: Inference | None
    store: OpenedStore
    bus: Bus

    def finish(self) -> None:
        """Make everything durable after the engine has stopped in good order."""
        self.store.flush()
        self.pipeline.finish()

    def close(self) -> None:
        """Release everything. Never raises."""
        if self.pipeline.checkpoints is not None:
            self.pipeline.checkpoints.close()
        self.pipeline.source.close()
        self.bus.close()
        self.store.close()


def groups_of(settings: Settings) -> tuple[Group, ...]:
    """Return the feature groups that the settings switch on."""
    families.load()
    return registered(settings.features.families or None)


def assemble(
    settings: Settings,
    source: Source,
    *,
    checkpoint_folder: Path | None = None,
    resume: bool = False,
    clock: Callable[[], int] = time.time_ns,
    on_batch: Callable[[Batch], None] = lambda batch: None,
) -> Flow:
    """Build the flow over a source; with `resume`, continue from the newest checkpoint that fits the store.

    Raises NamespaceInUse where the store holds rows of a run that isn't resumed, NothingToResume where no
    checkpoint fits, and what the store, the checkpoints and the calendar raise.
    """
    groups = groups_of(settings)
    timeframes = parse_timeframes(list(settings.bars.timeframes))
    universe = _universe(settings)
    store = open_store(settings.store.url, settings.store.namespace, [c.name for g in groups for c in g.columns])
    bus = open_bus(settings.bus.url)
    try:
        if store.last_committed() and not resume:
            raise NamespaceInUse(
                f"store {settings.store.url}: namespace {settings.store.namespace!r} holds the rows of a run up to "
                f"batch {store.last_committed()}; go on with --resume, or name another with --namespace"
            )
        describe(store, groups)
        engine = FeatureEngine(groups, len(timeframes), tuple(t.by_time for t in timeframes))
        sinks = _sinks(settings, source, store, bus, universe, timeframes, engine, clock)
        decided, passed = _decided(store, settings.store.namespace), _passed(store, settings.store.namespace)
        inference = _inference(settings, groups, universe, timeframes, sinks, clock, decided, passed)
        barrier = BarrierStation(universe, 0, clock, sinks.record, decided)
        flow = _flow(settings, source, universe, timeframes, engine, barrier, sinks, inference, store, bus, clock)
        flow.pipeline.on_batch = on_batch
        if checkpoint_folder is not None:
            _attach_checkpoints(flow, settings, checkpoint_folder, resume)
        elif resume:
            raise NothingToResume("resume: this run keeps no checkpoints; give it a folder with --checkpoint-dir")
        return flow
    except BaseException:
        bus.close()
        store.close()
        raise


def _flow(
    settings: Settings, source: Source, universe: Universe, timeframes: tuple[Timeframe, ...], engine: FeatureEngine,
    barrier: BarrierStation, sinks: Sinks, inference: Inference | None, store: OpenedStore, bus: Bus, clock: Callable[[], int],
) -> Flow:  # fmt: skip
    """The stations, in the order a batch meets them."""
    sessions = sessions_of_calendar(
        settings.bars.calendar, settings.bars.extended_open, settings.bars.extended_close
    )
    n_lanes, order = len(source.lanes), settings.order
    names = [timeframe.name for timeframe in timeframes]
    certifier, tally = Certifier(universe, names, engine.fingerprint, n_lanes), Tally()
    stations: list[Station] = [
        Gate(universe, n_lanes, settings.gate.future_bound_ms * MILLISECOND, clock),
        Order(
            universe, sessions, n_lanes, order.bound_ms * MILLISECOND, order.capacity, order.outlier_bound,
            order.max_spread,
        ),
        BarStation(universe, timeframes, sessions, order.max_spread, clock),
        TickFeatures(engine, universe),
        BarFeatures(engine),
        barrier,
        CrossSection(engine, clock),
        *([inference] if inference is not None else []),
        certifier,
        sinks,
        tally,
    ]  # fmt: skip
    pipeline = Pipeline(source, stations, engine.fingerprint, checkpoint_every=settings.checkpoint.every_s)
    return Flow(pipeline, universe, timeframes, engine, certifier, tally, barrier, inference, store, bus)


def _universe(settings: Settings) -> Universe:
    symbols = settings.universe.symbols
    return Universe(None if symbols == "auto" else list(symbols), settings.universe.cap)


def _sinks(
    settings: Settings, source: Source, store: OpenedStore, bus: Bus, universe: Universe,
    timeframes: tuple[Timeframe, ...], engine: FeatureEngine, clock: Callable[[], int],
) -> Sinks:  # fmt: skip
    return Sinks(
        store, bus, symbols=lambda: universe.names, timeframes=timeframes, origin=source.origin,
        fingerprint=engine.fingerprint, clock=clock, features_from=settings.store.features_from_s,
        store_ticks=settings.store.ticks, namespace=settings.store.namespace,
    )  # fmt: skip


def _inference(
    settings: Settings, groups: tuple[Group, ...], universe: Universe, timeframes: tuple[Timeframe, ...],
    sinks: Sinks, clock: Callable[[], int], decided: list[Decision], passed: int,
) -> Inference | None:  # fmt: skip
    """Make the inference station; nothing of torch is imported where no model is wanted."""
    if settings.inference.model == "none":
        return None
    from dataflows.stations.inference import Inference
    from models.inference import InferenceEngine
    from models.registry import Registry

    engine = InferenceEngine(
        [column.name for group in groups for column in group.columns],
        {column.name: column_fingerprint(group, column) for group in groups for column in group.columns},
        [timeframe.name for timeframe in timeframes],
        device=settings.inference.device,
        buckets=tuple(b for b in settings.inference.buckets if b <= settings.inference.max_batch_size),
        threshold=settings.inference.threshold,
    )
    registry, version = Registry(settings.registry.root), settings.inference.model
    if version == "active":
        return Inference(
            engine, timeframes, registry, record=sinks.record, decisions=decided, passed=passed, clock=clock
        )  # fmt: skip
    fixed = Decision(0, DecisionKind.ACTIVATE, version, registry.show(version).timeframe)
    return Inference(engine, timeframes, registry, decisions=[fixed], decide=False, clock=clock)


def _passed(store: OpenedStore, namespace: str) -> int:
    """Return the newest bar time that the store holds (ns UTC), 0 if none."""
    row = next(store.query(f'SELECT max(time) AS time FROM "{stored_name("bars", namespace)}"'), None)
    return row["time"] or 0 if row else 0


def _decided(store: OpenedStore, namespace: str) -> list[Decision]:
    """Read the decisions of an earlier run of this namespace, in order of time."""
    table = stored_name("decisions", namespace)
    return [
        Decision(
            row["time"], DecisionKind(row["kind"]), row["subject"], row["timeframe"], json.loads(row["details"])
        )
        for row in store.query(f"SELECT * FROM {table} ORDER BY time")
    ]  # fmt: skip


def _attach_checkpoints(flow: Flow, settings: Settings, folder: Path, resume: bool) -> None:
    checkpoints = Checkpoints(folder, flow.store.acknowledged, settings.checkpoint.keep)
    flow.pipeline.checkpoints = checkpoints
    if not resume:
        checkpoints.clear()
        return
    stored = flow.store.last_committed()
    keeps_rows = settings.store.url != "null:"
    snapshot, complaints = checkpoints.newest(lambda found: found["number"] <= stored or not keeps_rows)
    if snapshot is None:
        checkpoints.close()
        raise NothingToResume(
            f"resume: folder {folder.name} holds no checkpoint that fits the store, which is at batch {stored}"
            + "".join(f"; {complaint}" for complaint in complaints)
        )
    flow.pipeline.restore(snapshot)
