"""The inference station: predictions from the batch's rows, and the models that make them.

A new active version in the registry becomes a decision with the bar time it takes effect at, and so does a tier that
failed or works again; `record` makes that durable before any output depends on it. A resume or a replay is given the
recorded decisions and obeys them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from models.bundle import Bundle
from models.inference import InferenceEngine
from models.registry import Registry, RegistryError
from ops import metrics
from ops.log import logger
from schema.bars import Bars
from schema.events import Decision, DecisionKind
from schema.predictions import Tier
from schema.timeframes import SECOND, Timeframe

BURN_IN: Final = 30  # bars in the shadow before a model takes over from another
_LONGEST_BURN_IN: Final = 86_400 * SECOND
_ACTIVITY_BAR: Final = 60 * SECOND  # what a tick, volume or dollar bar is taken to last


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

    `decisions` are those on record, in order (others than ACTIVATE and TIER are passed over). A model is chosen anew
    only where a `registry` is given with `decide`; without it the registry only loads. `passed` (ns UTC) is the newest
    bar time whose output may stand in the store already: no new choice takes effect up to it. `record` is called with
    each new decision before it is applied; what it raises stops the step, with nothing applied. Only where `degrades`
    is set may a failing device move a timeframe down a tier, and `should_probe` asks whether a better one works again;
    without it the device's error stops the flow.
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
        should_poll: Callable[[Batch], bool] = _NOW_AND_THEN,
        should_probe: Callable[[Batch], bool] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.failures = 0  # models that were refused
        self.failure = ""  # why the last one was
        self._engine, self._registry, self._record, self._clock = engine, registry, record, clock
        self._timeframes = {timeframe.name: (k, timeframe) for k, timeframe in enumerate(timeframes)}
        self._due = [d for d in decisions if d.kind == DecisionKind.ACTIVATE and d.timeframe in self._timeframes]
        self._decides, self._passed, self._should_poll = decide and registry is not None, passed, should_poll
        self._degrades, self._should_probe = degrades, should_probe or every_seconds(30.0)
        for tier in (d for d in decisions if d.kind == DecisionKind.TIER):
            engine.change_tier(tier.timeframe, tier.time, Tier(tier.subject))
        self._polled = False
        self._seen: dict[str, int] = {}  # newest bar time a timeframe, ns UTC
        self._applied: list[list[int | str]] = []
        self._refused: set[int] = set()  # activations that failed, by number

    def step(self, batch: Batch) -> Batch:
        """Apply what is due, look for a new model, predict."""
        self._obey(batch.bars)
        if self._decides and (not self._polled or self._should_poll(batch)):
            self._polled = True
            self._decide(batch)
        if self._degrades and self._should_probe(batch):
            self._probe(batch)
        if batch.features is not None and len(batch.bars.time):
            started = self._clock()
            batch.predictions = self._engine.infer(batch.bars, batch.features, partial(self._fall, batch))
            done = self._clock()
            for predictions in batch.predictions:
                predictions.inference_started, predictions.inference_done = started, done
        for name, (k, _) in self._timeframes.items():
            mine = batch.bars.time[batch.bars.timeframe == k]
            if len(mine):
                self._seen[name] = int(mine[-1])
        return batch

    def _fall(self, batch: Batch, timeframe: str, at: int, tier: Tier, error: Exception) -> None:
        """Let the next tier answer from bar time `at` on, of which nothing has been said yet."""
        if not self._degrades:
            raise error
        self._move(batch, timeframe, at, tier, f"{type(error).__name__}: {error}"[:300])

    def _probe(self, batch: Batch) -> None:
        """Go back up where a better tier works again, from the next bar time on."""
        for timeframe in self._engine.degraded():
            if (tier := self._engine.probe(timeframe)) is not None:
                at = max(self._seen.get(timeframe, 0), self._passed) + 1
                self._move(batch, timeframe, at, tier, "it works again")
                self._engine.change_tier(timeframe, at, tier)

    def _move(self, batch: Batch, timeframe: str, at: int, tier: Tier, why: str) -> None:
        decision = Decision(at, DecisionKind.TIER, str(tier), timeframe, {"why": why})
        self._record(decision)
        batch.decisions.append(decision)
        metrics.TIER_CHANGES.labels(timeframe, str(tier)).inc()
        logger(self.name).warning("tier changed", timeframe=timeframe, tier=str(tier), since=at, why=why)

    def _obey(self, bars: Bars) -> None:
        """Apply the recorded decisions whose burn-in begins in this batch or before it."""
        if not self._due or not len(bars.time):
            return
        newest = int(bars.time.max())
        for decision in [d for d in self._due if _burn_in_from(d) <= newest]:
            self._due.remove(decision)
            self._apply(decision, self._load(decision.subject))

    def _decide(self, batch: Batch) -> None:
        """Make a decision of each activation that is new in the registry. One that fails leaves the old model."""
        assert self._registry is not None
        try:
            activations = self._registry.activations()
        except RegistryError as error:
            self._fail(str(error))
            return
        for name, activation in activations.items():
            if name not in self._timeframes or activation.number in self._refused:
                continue
            if activation.version == self._newest(name):
                continue
            try:
                bundle = self._registry.load(activation.version)
                self._engine.check(bundle)
            except (RegistryError, ValueError) as error:
                self._refused.add(activation.number)
                self._fail(str(error))
                continue
            decision = self._decision(name, activation.version)
            self._record(decision)
            batch.decisions.append(decision)
            self._apply(decision, bundle)

    def _newest(self, timeframe: str) -> str | None:
        due = [d.subject for d in self._due if d.timeframe == timeframe]
        return due[-1] if due else self._engine.latest(timeframe)

    def _decision(self, name: str, version: str) -> Decision:
        """Place a model in the stream: at the next bar time, or behind a burn-in where another one speaks."""
        timeframe = self._timeframes[name][1]
        last = max(self._seen.get(name, 0), self._passed)
        begin = last + 1 if last else 0
        effective = begin
        if self._engine.latest(name) is not None:
            bar = timeframe.nominal_ns or _ACTIVITY_BAR
            effective = last + min(BURN_IN * bar, _LONGEST_BURN_IN) + 1
        return Decision(effective, DecisionKind.ACTIVATE, version, name, {"burn_in_from": begin})

    def _apply(self, decision: Decision, bundle: Bundle) -> None:
        self._engine.activate(bundle, decision.time, _burn_in_from(decision))
        self._applied.append(_key(decision))
        logger(self.name).info(
            "model activated", version=decision.subject, timeframe=decision.timeframe, effective=decision.time
        )

    def _load(self, version: str) -> Bundle:
        if self._registry is None:
            raise RegistryError(
                f"model {version} is in the recorded decisions or the checkpoint, but there is no registry to load it "
                "from; name the registry's folder"
            )
        return self._registry.load(version)

    def _fail(self, reason: str) -> None:
        self.failures += 1
        if reason != self.failure:
            logger(self.name).error("model refused, the old one stays", reason=reason)
        self.failure = reason

    def snapshot(self) -> Snapshot:
        """Return the engine's state, the newest bar times and the decisions that are in it."""
        return {"engine": self._engine.snapshot(), "seen": dict(self._seen), "applied": list(self._applied)}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over; models in service are loaded from the registry. Raises RegistryError where one is gone."""
        self._engine.restore(snapshot["engine"], self._load)
        self._seen = {name: int(newest) for name, newest in snapshot["seen"].items()}
        self._applied = [list(key) for key in snapshot["applied"]]
        self._due = [decision for decision in self._due if _key(decision) not in self._applied]


def _burn_in_from(decision: Decision) -> int:
    return int(decision.details.get("burn_in_from", decision.time))


def _key(decision: Decision) -> list[int | str]:
    return [decision.time, decision.subject, decision.timeframe]
