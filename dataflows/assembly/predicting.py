"""The stations of a flow that predict, and that watch how well. Without a model nothing of torch is imported."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from dataflows.assembly.parts import Parts
from dataflows.interfaces import Station
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from dataflows.stations.alerts import Alerts
from dataflows.stations.serving import ServingStation
from features.catalogue import column_fingerprint
from ops.errors import ConfigurationError
from schema.events import Decision, DecisionKind
from schema.timeframes import SECOND

if TYPE_CHECKING:
    from dataflows.stations.inference import Inference
    from dataflows.stations.outcomes import OutcomeStation
    from models.serving.inference import InferenceEngine


def predicting(parts: Parts, sinks: Sinks, inference: Inference | None) -> list[Station]:
    """Return what predicts, in order: predictions go out before anything that only looks on. Empty without a model."""
    if inference is None:
        return []
    return [inference, ServingStation(sinks, parts.universe), _outcomes(parts, inference)]


def inference_of(parts: Parts, sinks: Sinks) -> Inference | None:
    """Return the inference station, None where no model is wanted."""
    version = parts.settings.inference.model
    if version == "none":
        return None
    from dataflows.stations.inference import Inference, every_seconds
    from models.extensions import load_architectures
    from models.registry.registry import Registry

    load_architectures(parts.settings.models.modules)
    engine, registry = _engine(parts), Registry(parts.settings.registry.root)
    if version != "active":
        executor = "torch" if engine.executor == "torch" else engine.executor_of(registry.load(version))
        named = {"executor": executor} if executor != "torch" else {}
        fixed = Decision(0, DecisionKind.ACTIVATE, version, registry.show(version).timeframe, named)
        tiers = [decision for decision in parts.decided if decision.kind == DecisionKind.TIER]
        decisions, decide = [fixed, *tiers], False
    else:
        decisions, decide = list(parts.decided), parts.decides
    return Inference(
        engine, parts.timeframes, registry, record=sinks.record, decisions=decisions, decide=decide,
        passed=_passed(parts.store), degrades=parts.decides, clock=parts.clock,
        challengers=parts.settings.inference.challengers, share=parts.settings.inference.challenger_share,
        should_probe=every_seconds(parts.settings.inference.probe_s), modules=parts.settings.models.modules,
    )  # fmt: skip


def _outcomes(parts: Parts, inference: Inference) -> OutcomeStation:
    from dataflows.stations.outcomes import OutcomeStation

    settings = parts.settings
    return OutcomeStation(
        parts.timeframes, inference.promote, every_s=settings.inference.scores_every_s,
        level=settings.inference.promotion_level, promotes=settings.inference.promotes,
    )  # fmt: skip


def alerts_of(parts: Parts) -> Alerts:
    """Return the station behind what predicts; it watches the market where nothing does."""
    from models.drift.reference import read_reference
    from models.drift.term import Rule
    from models.registry.register import Versions

    settings, versions = parts.settings, Versions(parts.settings.registry.root)
    rule = Rule(settings.alerts.drift_margin, settings.alerts.drift_windows, settings.alerts.persists_after)
    return Alerts(
        parts.timeframes, parts.features.names, lambda version: read_reference(versions.path(version)),
        on=settings.alerts.on, bound=settings.alerts.bound, most=settings.alerts.most_per_minute, rule=rule,
    )  # fmt: skip


def _engine(parts: Parts) -> InferenceEngine:
    from models.serving.inference import InferenceEngine

    settings = parts.settings
    return InferenceEngine(
        parts.features.names,
        {column.name: column_fingerprint(group, column) for group in parts.groups for column in group.columns},
        [timeframe.name for timeframe in parts.timeframes],
        device=settings.inference.device,
        executor=_installed_executor(settings.inference.executor),
        buckets=tuple(bucket for bucket in settings.inference.buckets if bucket <= settings.inference.max_batch_size),
        threshold=settings.inference.threshold,
        lots=parts.universe.lots,
        paths=[t.name for t in parts.timeframes if t.nominal_ns >= settings.store.paths_from_s * SECOND],
    )


def _installed_executor(wanted: str) -> str:
    """Return setting inference.executor. Raises ConfigurationError where its library is missing."""
    if wanted == "onnx" and importlib.util.find_spec("onnxruntime") is None:
        raise ConfigurationError(
            "setting inference.executor is 'onnx', and onnxruntime isn't installed: pip install 'undertone[export]', "
            "or set it to torch, or to auto, which takes torch here"
        )
    return wanted


def _passed(store: OpenedStore) -> int:
    """Return the newest bar time that the store holds (ns UTC), 0 if none."""
    row = next(store.query("SELECT max(time) AS time FROM bars"), None)
    return row["time"] or 0 if row else 0
