"""The stations of a flow in their order: fused, or of a feature or an inference process of the split topology."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dataflows.assembly.flow import Flow
from dataflows.assembly.parts import Parts
from dataflows.assembly.predicting import alerts_of, inference_of, predicting
from dataflows.calendars import sessions_of_calendar
from dataflows.certificate import Certifier
from dataflows.interfaces import Station
from dataflows.pipeline import Pipeline
from dataflows.sinks.station import Sinks
from dataflows.split.join import Join
from dataflows.split.publisher import Publisher
from dataflows.split.roles import Joined, Shard
from dataflows.stations.barrier import BarrierStation
from dataflows.stations.bars import BarStation
from dataflows.stations.features import BarFeatures, CrossSection, TickFeatures
from dataflows.stations.gate import Gate
from dataflows.stations.items import ItemFeatures
from dataflows.stations.names import Names
from dataflows.stations.order import Order
from dataflows.stations.pressure import Pressure
from dataflows.stations.tally import Tally

if TYPE_CHECKING:
    from dataflows.stations.inference import Inference

MILLISECOND: Final = 1_000_000  # ns


def flow_of(parts: Parts) -> Flow:
    """Put the stations of a process's role in the order a batch meets them."""
    if isinstance(parts.role, Joined):
        return _joined(parts, parts.role)
    sinks = parts.sinks(parts.source.origin)
    barrier = BarrierStation(parts.universe, 0, parts.clock, sinks.record, parts.decided, by_time=all(parts.by_time))
    before = [*_single_symbol(parts), barrier, CrossSection(parts.features, parts.universe, parts.clock)]
    if isinstance(parts.role, Shard):
        publisher = Publisher(
            parts.role.channel, parts.role.name, len(parts.source.lanes), names=lambda: parts.universe.names,
            timeframes=parts.timeframes, origin=parts.source.origin, fingerprint=parts.features.fingerprint,
        )  # fmt: skip
        return _flow(parts, before, barrier, None, [publisher], sinks, len(parts.source.lanes))
    return _flow(parts, before, barrier, inference_of(parts, sinks), [], sinks, len(parts.source.lanes))


def _joined(parts: Parts, role: Joined) -> Flow:
    """The flow of an inference process: rows of the shards instead of ticks."""
    sinks = parts.sinks(lambda lane, offset: join.origin(lane, offset))
    join = Join(
        parts.groups, parts.by_time, parts.universe, role.shards, role.deadline_ns, parts.clock, sinks.record,
        parts.decided,
    )  # fmt: skip
    return _flow(parts, [join], join, inference_of(parts, sinks), [], sinks, lambda: join.lanes)


def _single_symbol(parts: Parts) -> list[Station]:
    """From ticks to the rows of each symbol."""
    bars, order, universe, clock = parts.settings.bars, parts.settings.order, parts.universe, parts.clock
    sessions = sessions_of_calendar(bars.calendar, bars.extended_open, bars.extended_close)
    n_lanes = len(parts.source.lanes)
    return [
        Gate(universe, n_lanes, parts.settings.gate.future_bound_ms * MILLISECOND, clock),
        Order(
            universe, sessions, n_lanes, order.bound_ms * MILLISECOND, order.capacity, order.outlier_bound,
            order.max_spread,
        ),
        BarStation(universe, parts.timeframes, sessions, order.max_spread, clock, n_lanes),
        TickFeatures(parts.features, universe),
        BarFeatures(parts.features),
        ItemFeatures(parts.features, universe, parts.items),
    ]  # fmt: skip


def _flow(
    parts: Parts, before: list[Station], barrier: BarrierStation | Join, inference: Inference | None,
    behind: list[Publisher], sinks: Sinks, lanes: int | Callable[[], int],
) -> Flow:  # fmt: skip
    """What follows the rows in every topology."""
    names = [timeframe.name for timeframe in parts.timeframes]
    certifier, tally = Certifier(parts.universe, names, parts.features.fingerprint, lanes), Tally()
    models = predicting(parts, sinks, inference)
    if not isinstance(parts.role, Shard):
        models.append(alerts_of(parts))
    counted: list[Station] = [tally, *behind, sinks] if behind else [sinks, tally]
    pipeline = Pipeline(
        parts.source, [*before, *models, Names(parts.universe), certifier, *counted], parts.features.fingerprint,
        checkpoint_every=parts.settings.checkpoint.every_s,
    )  # fmt: skip
    pipeline.held = next((Pressure(station.buffer).held for station in before if isinstance(station, Order)), None)
    return Flow(
        pipeline, parts.universe, parts.timeframes, parts.features, certifier, tally, barrier, inference,
        parts.store, parts.bus, parts.role.channel if isinstance(parts.role, Shard) else None,
    )  # fmt: skip
