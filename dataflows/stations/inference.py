"""The inference station: predictions from the batch's rows, and the models that make them.

A new active version in the registry becomes a decision with the bar time it takes effect at, and so do a challenger, a
promotion, and a tier that failed or works again; `record` makes that durable before any output depends on it. A resume
or a replay is given the recorded decisions and obeys them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.stations.graph_writing import GraphWriting
from dataflows.stations.model_changes import ModelChanges
from dataflows.stations.model_choice import ModelChoice
from models.registry.registry import Registry
from models.serving.inference import InferenceEngine
from ops import metrics
from ops.log import logger
from schema.events import Decision, DecisionKind
from schema.predictions import Tier
from schema.timeframes import Timeframe


def every_seconds(seconds: float) -> Callable[[Batch], bool]:
    """Return a rule that holds once in so many seconds."""
    due = time.monotonic() + seconds

    def rule(batch: Batch) -> bool:
        nonlocal due
        if time.monotonic() < due:
            return False
        due = time.monotonic() + seconds
        return True

    return rule


def every(batches: int) -> Callable[[Batch], bool]:
    """Return a rule that looks into the registry once in so many batches."""
    return lambda batch: batch.number % batches == 0


_NOW_AND_THEN: Final = every(64)


class Inference:
    """Runs the engine on each batch, and hands models over to it.

    `decisions` are those on record (of models and tiers; others are passed over). A model is chosen anew only where a
    `registry` is given with `decide`; without it the registry only loads. So many challengers run at once as
    `challengers` says, and each speaks for `share` of the symbols; `modules` register the user's own architectures.
    `passed` (ns UTC) is the newest bar time whose output may stand in the store already: no new choice takes effect up
    to it. `record` is called with each new decision before it is applied; what it raises stops the step, with nothing
    applied. Only where `degrades` is set may a failing device move a timeframe down a tier, and `should_probe` asks
    whether a better one works again; without it the device's error stops the flow.
    """

    name = "inference"

    def __init__(
        self,
        engine: InferenceEngine,
        timeframes: Sequence[Timeframe],
        registry: Registry | None = None,
        *,
        record: Callable[[Decision], None] = lambda decision: None,
        decisions: Sequence[Decision] = (),
        decide: bool = True,
        passed: int = 0,
        degrades: bool = False,
        challengers: int = 3,
        share: float = 0.0,
        modules: Sequence[str] = (),
        should_poll: Callable[[Batch], bool] = _NOW_AND_THEN,
        should_probe: Callable[[Batch], bool] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._engine, self._record, self._clock = engine, record, clock
        self._changes = ModelChanges(engine, timeframes, registry, record=record, decisions=decisions, passed=passed)
        self._choice: ModelChoice | None = None
        if decide and registry is not None:
            names = [timeframe.name for timeframe in timeframes]
            self._choice = ModelChoice(
                engine, names, registry, self._changes, challengers=challengers, share=share,
                graphs=GraphWriting(registry, modules),
            )  # fmt: skip
        self._looked, self._should_poll = False, should_poll
        self._degrades, self._should_probe = degrades, should_probe or every_seconds(30.0)
        for tier in (d for d in decisions if d.kind == DecisionKind.TIER):
            engine.change_tier(tier.timeframe, tier.time, Tier(tier.subject))

    @property
    def failures(self) -> int:
        """How many models were refused."""
        return self._choice.failures if self._choice is not None else 0

    @property
    def failure(self) -> str:
        """Why the last one was."""
        return self._choice.failure if self._choice is not None else ""

    def step(self, batch: Batch) -> Batch:
        """Apply what is due, look for a new model, predict."""
        self._changes.obey(batch.bars)
        if self._choice is not None and (not self._looked or self._should_poll(batch)):
            self._looked = True
            self._choice.look(batch)
        if self._degrades and self._should_probe(batch):
            self._probe(batch)
        if batch.features is not None and len(batch.bars.time):
            started = self._clock()
            made = self._engine.infer(batch.bars, batch.features, partial(self._fall, batch))
            done = self._clock()
            for predictions in made:
                predictions.inference_started, predictions.inference_done = started, done
            batch.predictions = [predictions for predictions in made if predictions.served]
            batch.shadows = [predictions for predictions in made if not predictions.served]
        self._changes.saw(batch.bars)
        return batch

    def promote(self, batch: Batch, timeframe: str, version: str, why: Mapping[str, Any]) -> bool:
        """Let a challenger take over at the next bar time; return whether it does.

        It doesn't where this run makes no decisions, or while another change is on its way.
        """
        return self._choice is not None and self._choice.promote(batch, timeframe, version, why)

    def _fall(self, batch: Batch, timeframe: str, at: int, tier: Tier, error: Exception) -> None:
        """Let the next tier answer from bar time `at` on, of which nothing has been said yet."""
        if not self._degrades:
            raise error
        self._move(batch, timeframe, at, tier, f"{type(error).__name__}: {error}"[:300])

    def _probe(self, batch: Batch) -> None:
        """Go back up where a better tier works again, from the next bar time on."""
        for timeframe in self._engine.degraded():
            if (tier := self._engine.probe(timeframe)) is not None:
                at = self._changes.last(timeframe) + 1
                self._move(batch, timeframe, at, tier, "it works again")
                self._engine.change_tier(timeframe, at, tier)

    def _move(self, batch: Batch, timeframe: str, at: int, tier: Tier, why: str) -> None:
        decision = Decision(at, DecisionKind.TIER, str(tier), timeframe, {"why": why})
        self._record(decision)
        batch.decisions.append(decision)
        metrics.TIER_CHANGES.labels(timeframe, str(tier)).inc()
        logger(self.name).warning("tier changed", timeframe=timeframe, tier=str(tier), since=at, why=why)

    def snapshot(self) -> Snapshot:
        """Return the engine's state, the newest bar times and the decisions that are in it."""
        return {"engine": self._engine.snapshot(), **self._changes.snapshot()}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over; models in service are loaded from the registry. Raises RegistryError where one is gone."""
        self._engine.restore(snapshot["engine"], self._changes.load)
        self._changes.restore(snapshot)
