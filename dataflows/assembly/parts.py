"""What the stations of a flow are made of and share: store, bus, universe, feature engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dataflows.assembly.feature_groups import groups_of, single_symbol
from dataflows.interfaces import Source
from dataflows.sinks.bus import open_bus
from dataflows.sinks.configured import configured_store
from dataflows.sinks.station import Sinks
from dataflows.sources.items import read_items
from dataflows.split.publisher import Origin
from dataflows.split.roles import Role, Shard
from dataflows.stored import decisions_of
from dataflows.universe import Universe
from features.catalogue import Group
from features.engine import FeatureEngine
from ops.settings import Settings
from schema.events import Decision
from schema.timeframes import parse_timeframes


class NamespaceInUse(RuntimeError):
    """The store's namespace holds rows of another run."""


class Parts:
    """Opened by the settings; whoever makes them closes `store` and `bus`."""

    def __init__(
        self, settings: Settings, source: Source, clock: Callable[[], int], decided: Sequence[Decision] | None,
        groups: tuple[Group, ...] | None, role: Role | None,
    ) -> None:  # fmt: skip
        """Open the store and the bus for a process of this role; see `dataflows.assembly.assemble.assemble`."""
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
        self.store = configured_store(settings, () if self.writer else self.features.names, self.writer)
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

    def sinks(self, origin: Origin) -> Sinks:
        """Return the station that writes and publishes; `origin` resolves where a row came from."""
        store = self.settings.store
        return Sinks(
            self.store, self.bus, symbols=lambda: self.universe.names, timeframes=self.timeframes,
            origin=origin, fingerprint=self.features.fingerprint, clock=self.clock,
            features_from=store.features_from_s, store_ticks=store.ticks, namespace=store.namespace,
            writer=self.writer,
        )  # fmt: skip


def _universe(settings: Settings, follows_renames: bool) -> Universe:
    universe = settings.universe
    return Universe(universe.listed, universe.cap, universe.leaders, follows_renames)
