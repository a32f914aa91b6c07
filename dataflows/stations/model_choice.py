"""What the registry wants of a running dataflow becomes decisions: champions, challengers, promotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataflows.batch import Batch
from dataflows.stations.graph_writing import GraphWriting
from dataflows.stations.model_changes import ModelChanges
from models.registry.registry import Activation, Registry, RegistryError, Standing
from models.serving.inference import InferenceEngine
from ops.log import logger
from schema.events import DecisionKind


class ModelChoice:
    """Looks into the registry when it is asked to, and makes a decision of each change it finds there.

    At most so many challengers run at once as `challengers` says, and each speaks for `share` of the symbols. A version
    that can't run here is refused, once, and the models stay as they were. Where ONNX Runtime is to run a version that
    has no graphs, `graphs` writes them beside the stream, and its turn comes when they are there. Only the first look
    of a run waits for them instead, so that a replay begins with its model.
    """

    def __init__(
        self, engine: InferenceEngine, timeframes: Sequence[str], registry: Registry, changes: ModelChanges, *,
        challengers: int, share: float, graphs: GraphWriting,
    ) -> None:  # fmt: skip
        self.failures = 0  # models that were refused
        self.failure = ""  # why the last one was
        self._engine, self._timeframes, self._registry, self._changes = engine, timeframes, registry, changes
        self._challengers, self._share, self._graphs, self._began = challengers, share, graphs, False
        self._refused: set[int] = set()  # activations and challenges that failed, by number
        self._windows: dict[str, int] = {}  # rows that the nets of a version look at

    def look(self, batch: Batch) -> None:
        """Make a decision of each change in the registry. One that fails leaves the models as they were."""
        try:
            standing = self._registry.standing()
        except RegistryError as error:
            self._fail(str(error))
            return
        for name in self._timeframes:
            if self._changes.pending(name):
                continue  # a resume: the run is not yet where the last decision was made
            if (activation := standing.active.get(name)) is not None:
                self._choose_champion(batch, name, activation)
            self._choose_challengers(batch, name, standing)
        self._began = True

    def _choose_champion(self, batch: Batch, name: str, activation: Activation) -> None:
        latest = self._engine.latest(name)
        if activation.version == latest or activation.number in self._refused:
            return
        if activation.number == self._changes.overruled(name):
            assert latest is not None  # killed between a promotion's record and the registry's file
            self._appoint(latest)
        elif self._runs_here(activation):
            self._enact(batch, DecisionKind.ACTIVATE, name, activation.version)

    def _choose_challengers(self, batch: Batch, name: str, standing: Standing) -> None:
        """Begin and end challenges. Without a champion there is nothing to challenge."""
        latest, running = self._engine.latest(name), self._engine.challengers(name)
        wanted = [c for c in standing.challengers.get(name, []) if c.version != latest]
        for version in running:
            if version not in [challenger.version for challenger in wanted] and version != latest:
                self._enact(batch, DecisionKind.WITHDRAW, name, version)
        for challenger in wanted if latest is not None else ():
            running = self._engine.challengers(name)
            if challenger.version in running or challenger.number in self._refused:
                continue
            if len(running) >= self._challengers:
                self._refuse(
                    challenger,
                    f"model {challenger.version}: {len(running)} versions challenge {name} already, at most "
                    "inference.challengers do; withdraw one, or raise the setting",
                )
            elif self._runs_here(challenger):
                self._enact(batch, DecisionKind.CHALLENGE, name, challenger.version, **self._free_lots(name))

    def _free_lots(self, timeframe: str) -> dict[str, list[float]]:
        """Return the first lots that no challenger speaks for, as a decision says it."""
        if not self._share:
            return {}
        taken = {low for low, _ in self._engine.lots_taken(timeframe)}
        free = next(k for k in range(len(taken) + 1) if k * self._share not in taken)
        return {"lots": [free * self._share, (free + 1) * self._share]}

    def promote(self, batch: Batch, timeframe: str, version: str, why: Mapping[str, Any]) -> bool:
        """Let a challenger take over at the next bar time; return whether it does.

        It doesn't while another change is on its way. The decision is durable before the registry follows it.
        """
        settled = self._engine.champion(timeframe) == self._engine.latest(timeframe)
        if self._changes.pending(timeframe) or not settled or version not in self._engine.challengers(timeframe):
            return False
        activation = self._registry.activations().get(timeframe)
        over = {"over": activation.number} if activation is not None else {}
        self._enact(batch, DecisionKind.ACTIVATE, timeframe, version, by="rule", **over, **why)
        self._appoint(version)
        return True

    def _appoint(self, version: str) -> None:
        """Let the registry follow a promotion. Where it can't now, it is tried again when it is next looked at."""
        try:
            self._registry.activate(version)
        except (RegistryError, OSError) as error:
            self._fail(f"model {version} was promoted, but the registry doesn't say so yet: {error}")

    def _enact(self, batch: Batch, kind: DecisionKind, timeframe: str, version: str, **details: Any) -> None:
        self._changes.enact(batch, kind, timeframe, version, self._windows.get(version, 0), **details)

    def _runs_here(self, wanted: Activation) -> bool:
        """Whether a version can be loaded, reads columns that are there and has its graphs where they are needed.

        What it is refused for is remembered.
        """
        try:
            bundle = self._registry.load(wanted.version)
            if self._began and self._engine.executor == "onnx" and not self._graphs.ready(bundle):
                return False
            self._engine.check(bundle)
        except (RegistryError, ValueError) as error:
            self._refuse(wanted, str(error))
            return False
        self._windows[wanted.version] = bundle.window
        return True

    def _refuse(self, wanted: Activation, reason: str) -> None:
        self._refused.add(wanted.number)
        self._fail(reason)

    def _fail(self, reason: str) -> None:
        self.failures += 1
        if reason != self.failure:
            logger("inference").error("model refused, the old one stays", reason=reason)
        self.failure = reason
