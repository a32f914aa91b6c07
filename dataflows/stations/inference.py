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
from models.bundle import Bundle
from models.inference import InferenceEngine
from models.lineup import NO_LOTS
from models.registry import Activation, Registry, RegistryError, Standing
from ops import metrics
from ops.log import logger
from schema.bars import Bars
from schema.events import Decision, DecisionKind
from schema.predictions import Tier
from schema.timeframes import SECOND, Timeframe

BURN_IN: Final = 30  # bars in the shadow before a model takes over from another; as many as its windows have if more
_LONGEST_BURN_IN: Final = 86_400 * SECOND
_ACTIVITY_BAR: Final = 60 * SECOND  # what a tick, volume or dollar bar is taken to last
_MODELS: Final = (DecisionKind.ACTIVATE, DecisionKind.CHALLENGE, DecisionKind.WITHDRAW)


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
    `challengers` says, and each speaks for `share` of the symbols. `passed` (ns UTC) is the newest
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
        challengers: int = 3,
        share: float = 0.0,
        should_poll: Callable[[Batch], bool] = _NOW_AND_THEN,
        should_probe: Callable[[Batch], bool] | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.failures = 0  # models that were refused
        self.failure = ""  # why the last one was
        self._engine, self._registry, self._record, self._clock = engine, registry, record, clock
        self._timeframes = {timeframe.name: (k, timeframe) for k, timeframe in enumerate(timeframes)}
        due = [d for d in decisions if d.kind in _MODELS and d.timeframe in self._timeframes]
        self._due = sorted(due, key=_burn_in_from)  # as they were made
        self._begun: dict[str, int] = {}  # by timeframe: the newest decision's begin, ns UTC; no two share theirs
        for decision in self._due:
            self._begun[decision.timeframe] = _burn_in_from(decision)
        self._challengers, self._share = challengers, share
        self._over: dict[str, int] = {}  # by timeframe: the activation that a promotion overruled
        self._decides, self._passed, self._should_poll = decide and registry is not None, passed, should_poll
        self._degrades, self._should_probe = degrades, should_probe or every_seconds(30.0)
        for tier in (d for d in decisions if d.kind == DecisionKind.TIER):
            engine.change_tier(tier.timeframe, tier.time, Tier(tier.subject))
        self._polled = False
        self._seen: dict[str, int] = {}  # newest bar time a timeframe, ns UTC
        self._applied: list[list[int | str]] = []
        self._refused: set[int] = set()  # activations and challenges that failed, by number
        self._windows: dict[str, int] = {}  # rows that the nets of a version look at

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
            made = self._engine.infer(batch.bars, batch.features, partial(self._fall, batch))
            done = self._clock()
            for predictions in made:
                predictions.inference_started, predictions.inference_done = started, done
            batch.predictions = [predictions for predictions in made if predictions.served]
            batch.shadows = [predictions for predictions in made if not predictions.served]
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
            self._apply(decision)

    def _decide(self, batch: Batch) -> None:
        """Make a decision of each change in the registry. One that fails leaves the models as they were."""
        assert self._registry is not None
        try:
            standing = self._registry.standing()
        except RegistryError as error:
            self._fail(str(error))
            return
        for name in self._timeframes:
            if any(decision.timeframe == name for decision in self._due):
                continue  # a resume: the run is not yet where the last decision was made
            if (activation := standing.active.get(name)) is not None:
                self._decide_champion(batch, name, activation)
            self._decide_challengers(batch, name, standing)

    def _decide_champion(self, batch: Batch, name: str, activation: Activation) -> None:
        latest = self._engine.latest(name)
        if activation.version == latest or activation.number in self._refused:
            return
        if activation.number == self._over.get(name):  # killed between a promotion's record and the registry's file
            assert latest is not None
            self._appoint(latest)
        elif self._runs_here(activation):
            self._enact(batch, DecisionKind.ACTIVATE, name, activation.version)

    def _decide_challengers(self, batch: Batch, name: str, standing: Standing) -> None:
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

    def _runs_here(self, wanted: Activation) -> bool:
        """Whether a version can be loaded and reads columns that are there; what it is refused for is remembered."""
        assert self._registry is not None
        try:
            bundle = self._registry.load(wanted.version)
            self._engine.check(bundle)
        except (RegistryError, ValueError) as error:
            self._refuse(wanted, str(error))
            return False
        self._windows[wanted.version] = bundle.window
        return True

    def _refuse(self, wanted: Activation, reason: str) -> None:
        self._refused.add(wanted.number)
        self._fail(reason)

    def promote(self, batch: Batch, timeframe: str, version: str, why: Mapping[str, Any]) -> bool:
        """Let a challenger take over at the next bar time; return whether it does.

        It doesn't where this run makes no decisions, or while another change is on its way. The decision is durable
        before the registry follows it.
        """
        pending = any(decision.timeframe == timeframe for decision in self._due)
        settled = self._engine.champion(timeframe) == self._engine.latest(timeframe)
        if not self._decides or pending or not settled or version not in self._engine.challengers(timeframe):
            return False
        assert self._registry is not None
        activation = self._registry.activations().get(timeframe)
        over = {"over": activation.number} if activation is not None else {}
        self._enact(batch, DecisionKind.ACTIVATE, timeframe, version, by="rule", **over, **why)
        self._appoint(version)
        return True

    def _appoint(self, version: str) -> None:
        """Let the registry follow a promotion. Where it can't now, it is tried again when it is next looked at."""
        assert self._registry is not None
        try:
            self._registry.activate(version)
        except (RegistryError, OSError) as error:
            self._fail(f"model {version} was promoted, but the registry doesn't say so yet: {error}")

    def _enact(self, batch: Batch, kind: DecisionKind, name: str, version: str, **details: Any) -> None:
        decision = self._decision(kind, name, version, details)
        self._begun[name] = _burn_in_from(decision)
        self._record(decision)
        batch.decisions.append(decision)
        self._apply(decision)

    def _decision(self, kind: DecisionKind, name: str, version: str, details: Mapping[str, Any]) -> Decision:
        """Place a change in the stream: at the next bar time, or behind a burn-in where another model speaks.

        Several that find the same newest bar begin a nanosecond behind each other: that is their order on record.
        """
        timeframe = self._timeframes[name][1]
        last = max(self._seen.get(name, 0), self._passed)
        begin = max(last, self._begun.get(name, -1)) + 1 if last or name in self._begun else 0
        effective = begin
        if kind != DecisionKind.WITHDRAW and last and self._engine.latest(name) is not None:
            bar = timeframe.nominal_ns or _ACTIVITY_BAR
            bars = max(BURN_IN, self._windows.get(version, 0))
            effective = begin + min(bars * bar, _LONGEST_BURN_IN)
        if (runner := self._engine.following(name, version, begin)) is not None and kind == DecisionKind.ACTIVATE:
            effective = max(begin, min(effective, runner.scored_from))  # its state is built up since then
        return Decision(effective, kind, version, name, {"burn_in_from": begin, **details})

    def _apply(self, decision: Decision) -> None:
        timeframe, version, begin = decision.timeframe, decision.subject, _burn_in_from(decision)
        if decision.kind == DecisionKind.WITHDRAW:
            self._engine.withdraw(timeframe, version, decision.time)
        elif decision.kind == DecisionKind.CHALLENGE:
            low, high = decision.details.get("lots", NO_LOTS)
            self._engine.challenge(self._bundle(timeframe, version, begin), decision.time, begin, (low, high))
        else:
            self._engine.activate(self._bundle(timeframe, version, begin), decision.time, begin)
            self._over.pop(timeframe, None)
            if "over" in decision.details:
                self._over[timeframe] = int(decision.details["over"])
        self._applied.append(_key(decision))
        logger(self.name).info(
            f"model {_PAST[decision.kind]}", version=version, timeframe=timeframe, effective=decision.time
        )

    def _bundle(self, timeframe: str, version: str, begin: int) -> Bundle:
        runner = self._engine.following(timeframe, version, begin)
        return self._load(version) if runner is None else runner.model.bundle

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
        return {
            "engine": self._engine.snapshot(), "seen": dict(self._seen), "applied": list(self._applied),
            "over": dict(self._over),
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Take over; models in service are loaded from the registry. Raises RegistryError where one is gone."""
        self._engine.restore(snapshot["engine"], self._load)
        self._seen = {name: int(newest) for name, newest in snapshot["seen"].items()}
        self._applied = [list(key) for key in snapshot["applied"]]
        self._over = {name: int(number) for name, number in snapshot["over"].items()}
        self._due = [decision for decision in self._due if _key(decision) not in self._applied]


_PAST: Final = {
    DecisionKind.ACTIVATE: "activated", DecisionKind.CHALLENGE: "challenges", DecisionKind.WITHDRAW: "withdrawn",
}  # fmt: skip


def _burn_in_from(decision: Decision) -> int:
    return int(decision.details.get("burn_in_from", decision.time))


def _key(decision: Decision) -> list[int | str]:
    return [decision.time, str(decision.kind), decision.subject, decision.timeframe]
