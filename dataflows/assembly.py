"""Put the flow together from the settings: stations in order, store, bus, checkpoints."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dataflows.batch import Batch
from dataflows.calendars import sessions_of_calendar
from dataflows.certificate import Certifier
from dataflows.checkpoint import Checkpoints
from dataflows.folder_lock import FolderLock
from dataflows.interfaces import Source, Station
from dataflows.kernel_cache import forget_stale, forget_stale_of
from dataflows.pipeline import Pipeline
from dataflows.sinks.bus import Bus, open_bus
from dataflows.sinks.catalogue import describe
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.refill import published
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore, open_store
from dataflows.sources.items import read_items
from dataflows.sources.stored_run import LANES
from dataflows.split.join import Join
from dataflows.split.publisher import Channel, Origin, Publisher
from dataflows.split.roles import Joined, Role, Shard
from dataflows.stations.alerts import Alerts
from dataflows.stations.barrier import BarrierStation
from dataflows.stations.bars import BarStation
from dataflows.stations.features import BarFeatures, CrossSection, TickFeatures
from dataflows.stations.gate import Gate
from dataflows.stations.items import ItemFeatures
from dataflows.stations.names import Names
from dataflows.stations.order import Order
from dataflows.stations.pressure import Pressure
from dataflows.stations.tally import Tally
from dataflows.stored import decisions_of
from dataflows.universe import Universe
from features import families
from features.catalogue import Group, Stage, column_fingerprint
from features.engine import FeatureEngine
from ops.errors import ConfigurationError
from ops.log import logger
from ops.settings import Settings
from schema.events import Decision, DecisionKind
from schema.stores import of_writer, retention_days
from schema.timeframes import SECOND, Timeframe, parse_timeframes

if TYPE_CHECKING:
    from dataflows.stations.inference import Inference
    from dataflows.stations.outcomes import OutcomeStation
    from models.inference import InferenceEngine

MILLISECOND = 1_000_000  # ns

# How long a thread that wants the interpreter waits for it. The store's writer needs it several times a statement; at
# Python's 5 ms it fell 450 batches behind a replay at full speed, so that hardly a checkpoint counted; now 2 batches,
# and the replay takes as long as before.
SWITCH_SECONDS = 0.0002


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
    barrier: BarrierStation | Join
    inference: Inference | None
    store: OpenedStore
    bus: Bus
    channel: Channel | None = None  # of a feature process

    def finish(self) -> None:
        """Make everything durable after the engine has stopped in good order."""
        self.store.flush()
        if self.channel is not None:
            self.channel.flush()
        self.pipeline.finish()

    def close(self) -> None:
        """Release everything. Never raises."""
        if self.pipeline.checkpoints is not None:
            self.pipeline.checkpoints.close()
        self.pipeline.source.close()
        if self.channel is not None:
            self.channel.close()
        self.bus.close()
        self.store.close()

    def acknowledged(self) -> int:
        """Return the newest batch number up to which all that was written is durable."""
        stored = self.store.acknowledged()
        return stored if self.channel is None else min(stored, self.channel.acknowledged())


def single_symbol(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Return the groups whose columns look at one symbol."""
    return tuple(group for group in groups if group.stage is not Stage.CROSS)


def groups_of(settings: Settings) -> tuple[Group, ...]:
    """Return the feature groups that the settings switch on, the user's own among them.

    Raises FeaturesNotLoaded where a module of `features.modules` has none.
    """
    groups = families.configured(settings.features.families, settings.features.modules)
    forget_stale_of(settings.features.modules)
    return groups


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
        parts = _Parts(settings, source, clock, decided, groups, role)
        undo.callback(parts.store.close)
        undo.callback(parts.bus.close)
        parts.refuse_foreign_rows(resume)
        parts.bus.refill_from(published(parts.store, settings.store.namespace), fresh=not resume)
        if not isinstance(role, Shard):
            describe(parts.store, parts.groups)
        if not isinstance(role, Joined):  # which reads rows: lanes are those of ticks
            parts.store.put_meta(of_writer(LANES, parts.writer), json.dumps(list(source.lanes)))
        flow = parts.flow()
        flow.pipeline.on_batch = on_batch
        if lock is not None:
            _attach_checkpoints(flow, settings, lock, resume)
        elif resume:
            raise NothingToResume("resume: this run keeps no checkpoints; give it a folder with --checkpoint-dir")
        undo.pop_all()
        return flow


class _Parts:
    """What the stations are made of, and what they share."""

    def __init__(
        self, settings: Settings, source: Source, clock: Callable[[], int], decided: Sequence[Decision] | None,
        groups: tuple[Group, ...] | None, role: Role | None,
    ) -> None:  # fmt: skip
        self.settings, self.source, self.clock, self.role = settings, source, clock, role
        self.decides = decided is None
        self.groups = groups_of(settings) if groups is None else groups
        self.timeframes = parse_timeframes(list(settings.bars.timeframes))
        self.universe = _universe(settings, follows_renames=not isinstance(role, Shard))
        self.by_time = tuple(timeframe.by_time for timeframe in self.timeframes)
        self.features = FeatureEngine(
            single_symbol(self.groups) if isinstance(role, Shard) else self.groups, len(self.timeframes), self.by_time
        )
        self.items = read_items([Path(name) for name in settings.sentiment.items])
        self.writer = role.name if isinstance(role, Shard) else ""
        self.store = _opened_store(settings, () if self.writer else self.features.names, self.writer)
        # a shard publishes nothing, and the stream on the bus is the inference process's to begin and to refill
        self.bus = open_bus("null:" if self.writer else settings.bus.url, settings.store.namespace)
        self.decided = decisions_of(self.store.query("SELECT * FROM decisions")) if decided is None else decided

    def refuse_foreign_rows(self, resume: bool) -> None:
        """Raise NamespaceInUse where a new run would write among the rows of another."""
        stored, place = self.store.last_committed(), self.settings.store
        if stored and not resume:
            raise NamespaceInUse(
                f"store {place.url}: namespace {place.namespace!r} holds the rows of a run up to batch {stored}; "
                "go on with --resume, or name another with --namespace; a live run whose checkpoints are gone begins "
                "anew behind `undertone recovery reset`, which moves these rows aside"
            )

    def flow(self) -> Flow:
        """The stations, in the order a batch meets them."""
        if isinstance(self.role, Joined):
            return self._joined(self.role)
        sinks = self._sinks(self.source.origin)
        barrier = BarrierStation(self.universe, 0, self.clock, sinks.record, self.decided, by_time=all(self.by_time))
        before = [*self._single_symbol(), barrier, CrossSection(self.features, self.universe, self.clock)]
        if isinstance(self.role, Shard):
            publisher = Publisher(
                self.role.channel, self.role.name, len(self.source.lanes), names=lambda: self.universe.names,
                timeframes=self.timeframes, origin=self.source.origin, fingerprint=self.features.fingerprint,
            )  # fmt: skip
            return self._flow(before, barrier, None, [publisher], sinks, len(self.source.lanes))
        return self._flow(before, barrier, self._inference(sinks), [], sinks, len(self.source.lanes))

    def _joined(self, role: Joined) -> Flow:
        """The flow of an inference process: rows of the shards instead of ticks."""
        sinks = self._sinks(lambda lane, offset: join.origin(lane, offset))
        join = Join(
            self.groups, self.by_time, self.universe, role.shards, role.deadline_ns, self.clock, sinks.record,
            self.decided,
        )  # fmt: skip
        return self._flow([join], join, self._inference(sinks), [], sinks, lambda: join.lanes)

    def _single_symbol(self) -> list[Station]:
        """From ticks to the rows of each symbol."""
        bars, order, universe, clock = self.settings.bars, self.settings.order, self.universe, self.clock
        sessions = sessions_of_calendar(bars.calendar, bars.extended_open, bars.extended_close)
        n_lanes = len(self.source.lanes)
        return [
            Gate(universe, n_lanes, self.settings.gate.future_bound_ms * MILLISECOND, clock),
            Order(
                universe, sessions, n_lanes, order.bound_ms * MILLISECOND, order.capacity, order.outlier_bound,
                order.max_spread,
            ),
            BarStation(universe, self.timeframes, sessions, order.max_spread, clock, n_lanes),
            TickFeatures(self.features, universe),
            BarFeatures(self.features),
            ItemFeatures(self.features, universe, self.items),
        ]  # fmt: skip

    def _flow(
        self, before: list[Station], barrier: BarrierStation | Join, inference: Inference | None,
        behind: list[Publisher], sinks: Sinks, lanes: int | Callable[[], int],
    ) -> Flow:  # fmt: skip
        """What follows the rows in every topology."""
        names = [timeframe.name for timeframe in self.timeframes]
        certifier, tally = Certifier(self.universe, names, self.features.fingerprint, lanes), Tally()
        models: list[Station] = [] if inference is None else [inference, self._outcomes(inference)]
        if not isinstance(self.role, Shard):
            models.append(self._alerts())
        counted: list[Station] = [tally, *behind, sinks] if behind else [sinks, tally]
        pipeline = Pipeline(
            self.source, [*before, *models, Names(self.universe), certifier, *counted], self.features.fingerprint,
            checkpoint_every=self.settings.checkpoint.every_s,
        )  # fmt: skip
        pipeline.held = next((Pressure(station.buffer).held for station in before if isinstance(station, Order)), None)
        return Flow(
            pipeline, self.universe, self.timeframes, self.features, certifier, tally, barrier, inference,
            self.store, self.bus, self.role.channel if isinstance(self.role, Shard) else None,
        )  # fmt: skip

    def _sinks(self, origin: Origin) -> Sinks:
        store = self.settings.store
        return Sinks(
            self.store, self.bus, symbols=lambda: self.universe.names, timeframes=self.timeframes,
            origin=origin, fingerprint=self.features.fingerprint, clock=self.clock,
            features_from=store.features_from_s, store_ticks=store.ticks, namespace=store.namespace,
            writer=self.writer,
        )  # fmt: skip

    def _inference(self, sinks: Sinks) -> Inference | None:
        """The inference station; nothing of torch is imported where no model is wanted."""
        version = self.settings.inference.model
        if version == "none":
            return None
        from dataflows.stations.inference import Inference, every_seconds
        from models.extensions import load_architectures
        from models.registry import Registry

        load_architectures(self.settings.models.modules)
        engine, registry = self._engine(), Registry(self.settings.registry.root)
        if version != "active":
            fixed = Decision(0, DecisionKind.ACTIVATE, version, registry.show(version).timeframe)
            tiers = [decision for decision in self.decided if decision.kind == DecisionKind.TIER]
            decisions, decide = [fixed, *tiers], False
        else:
            decisions, decide = list(self.decided), self.decides
        return Inference(
            engine, self.timeframes, registry, record=sinks.record, decisions=decisions, decide=decide,
            passed=_passed(self.store), degrades=self.decides, clock=self.clock,
            challengers=self.settings.inference.challengers, share=self.settings.inference.challenger_share,
            should_probe=every_seconds(self.settings.inference.probe_s),
        )  # fmt: skip

    def _outcomes(self, inference: Inference) -> OutcomeStation:
        from dataflows.stations.outcomes import OutcomeStation

        settings = self.settings
        return OutcomeStation(
            self.timeframes, inference.promote, every_s=settings.inference.scores_every_s,
            level=settings.inference.promotion_level, promotes=settings.inference.promotes,
        )  # fmt: skip

    def _alerts(self) -> Alerts:
        """The station behind what predicts; it watches the market where nothing does."""
        from models.drift.reference import read_reference
        from models.drift.term import Rule
        from models.register import Versions

        settings, versions = self.settings, Versions(self.settings.registry.root)
        rule = Rule(settings.alerts.drift_margin, settings.alerts.drift_windows, settings.alerts.persists_after)
        return Alerts(
            self.timeframes, self.features.names, lambda version: read_reference(versions.path(version)),
            on=settings.alerts.on, bound=settings.alerts.bound, most=settings.alerts.most_per_minute, rule=rule,
        )  # fmt: skip

    def _engine(self) -> InferenceEngine:
        from models.inference import InferenceEngine

        settings = self.settings
        return InferenceEngine(
            self.features.names,
            {column.name: column_fingerprint(group, column) for group in self.groups for column in group.columns},
            [timeframe.name for timeframe in self.timeframes],
            device=settings.inference.device,
            executor=_installed_executor(settings.inference.executor),
            buckets=tuple(
                bucket for bucket in settings.inference.buckets if bucket <= settings.inference.max_batch_size
            ),
            threshold=settings.inference.threshold,
            lots=self.universe.lots,
            paths=[t.name for t in self.timeframes if t.nominal_ns >= settings.store.paths_from_s * SECOND],
        )


def _installed_executor(wanted: str) -> str:
    """Return setting inference.executor. Raises ConfigurationError where its library is missing."""
    if wanted == "onnx" and importlib.util.find_spec("onnxruntime") is None:
        raise ConfigurationError(
            "setting inference.executor is 'onnx', and onnxruntime isn't installed: pip install 'undertone[export]', "
            "or set it to torch, or to auto, which takes torch here"
        )
    return wanted


def questdb_options(settings: Settings) -> QuestDbOptions:
    """Return what the settings say of a store in QuestDB."""
    store = settings.store
    return QuestDbOptions(store.spool_directory, store.spool_bytes, retention_days(store.retention_days))


def _opened_store(settings: Settings, features: Sequence[str], writer: str) -> OpenedStore:
    store = settings.store
    opened = open_store(store.url, store.namespace, features, questdb_options(settings), writer)
    if not (settings.kafka.predictions or settings.kafka.features):
        return opened
    from dataflows.kafka.sink import with_kafka

    try:
        return with_kafka(opened, settings, features)
    except BaseException:
        opened.close()
        raise


def _universe(settings: Settings, follows_renames: bool) -> Universe:
    universe = settings.universe
    return Universe(universe.listed, universe.cap, universe.leaders, follows_renames)


def _passed(store: OpenedStore) -> int:
    """Return the newest bar time that the store holds (ns UTC), 0 if none."""
    row = next(store.query("SELECT max(time) AS time FROM bars"), None)
    return row["time"] or 0 if row else 0


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
