"""Changes of the models that run: each is a decision with a place in the stream, durable before it is applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from models.registry.bundle import Bundle
from models.registry.registry import Registry, RegistryError
from models.serving.inference import InferenceEngine
from models.serving.lineup import NO_LOTS
from ops.log import logger
from schema.bars import Bars
from schema.events import Decision, DecisionKind
from schema.timeframes import SECOND, Timeframe

BURN_IN: Final = 30  # bars in the shadow before a model takes over from another; as many as its windows have if more
_LONGEST_BURN_IN: Final = 86_400 * SECOND
_ACTIVITY_BAR: Final = 60 * SECOND  # what a tick, volume or dollar bar is taken to last
_PAST: Final = {
    DecisionKind.ACTIVATE: "activated", DecisionKind.CHALLENGE: "challenges", DecisionKind.WITHDRAW: "withdrawn",
}  # fmt: skip


class ModelChanges:
    """Hands models over to the engine: as recorded decisions say, and as new ones do that are made here.

    `passed` (ns UTC) is the newest bar time whose output may stand in the store already: no new change takes effect up
    to it. What `record` raises stops a change, with nothing applied. Versions are loaded from `registry`.
    """

    def __init__(
        self, engine: InferenceEngine, timeframes: Sequence[Timeframe], registry: Registry | None, *,
        record: Callable[[Decision], None], decisions: Sequence[Decision], passed: int,
    ) -> None:  # fmt: skip
        self._engine, self._registry, self._record, self._passed = engine, registry, record, passed
        self._timeframes = {timeframe.name: timeframe for timeframe in timeframes}
        due = [d for d in decisions if d.kind in _PAST and d.timeframe in self._timeframes]
        self._due = sorted(due, key=_burn_in_from)  # as they were made
        self._begun: dict[str, int] = {}  # by timeframe: the newest decision's begin, ns UTC; no two share theirs
        for decision in self._due:
            self._begun[decision.timeframe] = _burn_in_from(decision)
        self._over: dict[str, int] = {}  # by timeframe: the activation that a promotion overruled
        self._seen: dict[str, int] = {}  # newest bar time a timeframe, ns UTC
        self._applied: list[list[int | str]] = []

    def saw(self, bars: Bars) -> None:
        """Note that a batch was predicted from."""
        for k, name in enumerate(self._timeframes):
            mine = bars.time[bars.timeframe == k]
            if len(mine):
                self._seen[name] = int(mine[-1])

    def last(self, timeframe: str) -> int:
        """Return the newest bar time (ns UTC) that a new decision has to lie behind, 0 for none."""
        return max(self._seen.get(timeframe, 0), self._passed)

    def pending(self, timeframe: str) -> bool:
        """Return whether a recorded decision isn't reached yet."""
        return any(decision.timeframe == timeframe for decision in self._due)

    def overruled(self, timeframe: str) -> int | None:
        """Return the number of the activation that the newest promotion took the place of."""
        return self._over.get(timeframe)

    def obey(self, bars: Bars) -> None:
        """Apply the recorded decisions whose burn-in begins in this batch or before it."""
        if not self._due or not len(bars.time):
            return
        newest = int(bars.time.max())
        for decision in [d for d in self._due if _burn_in_from(d) <= newest]:
            self._due.remove(decision)
            self._apply(decision)

    def enact(
        self, batch: Batch, kind: DecisionKind, timeframe: str, version: str, window: int = 0, **details: Any
    ) -> None:
        """Decide on a change, record it and apply it. The version's nets look at `window` rows."""
        decision = self._decision(kind, timeframe, version, window, details)
        self._begun[timeframe] = _burn_in_from(decision)
        self._record(decision)
        batch.decisions.append(decision)
        self._apply(decision)

    def _decision(
        self, kind: DecisionKind, name: str, version: str, window: int, details: Mapping[str, Any]
    ) -> Decision:
        """Place a change in the stream: at the next bar time, or behind a burn-in where another model speaks.

        Several that find the same newest bar begin a nanosecond behind each other: that is their order on record.
        """
        last = self.last(name)
        begin = max(last, self._begun.get(name, -1)) + 1 if last or name in self._begun else 0
        effective = begin
        if kind != DecisionKind.WITHDRAW and last and self._engine.latest(name) is not None:
            bar = self._timeframes[name].nominal_ns or _ACTIVITY_BAR
            effective = begin + min(max(BURN_IN, window) * bar, _LONGEST_BURN_IN)
        if (runner := self._engine.following(name, version, begin)) is not None and kind == DecisionKind.ACTIVATE:
            effective = max(begin, min(effective, runner.scored_from))  # its state is built up since then
        if kind != DecisionKind.WITHDRAW:
            executor = self._executor(version) if runner is None else runner.model.executor
            details = {**details, "executor": executor} if executor != "torch" else details
        return Decision(effective, kind, version, name, {"burn_in_from": begin, **details})

    def _apply(self, decision: Decision) -> None:
        timeframe, version, begin = decision.timeframe, decision.subject, _burn_in_from(decision)
        executor = str(decision.details.get("executor", "torch"))
        if decision.kind == DecisionKind.WITHDRAW:
            self._engine.withdraw(timeframe, version, decision.time)
        elif decision.kind == DecisionKind.CHALLENGE:
            low, high = decision.details.get("lots", NO_LOTS)
            bundle = self._bundle(timeframe, version, begin)
            self._engine.challenge(bundle, decision.time, begin, (low, high), executor)
        else:
            self._engine.activate(self._bundle(timeframe, version, begin), decision.time, begin, executor)
            self._over.pop(timeframe, None)
            if "over" in decision.details:
                self._over[timeframe] = int(decision.details["over"])
        self._applied.append(_key(decision))
        logger("inference").info(
            f"model {_PAST[decision.kind]}", version=version, timeframe=timeframe, effective=decision.time,
            executor=executor,
        )  # fmt: skip

    def _bundle(self, timeframe: str, version: str, begin: int) -> Bundle:
        runner = self._engine.following(timeframe, version, begin)
        return self.load(version) if runner is None else runner.model.bundle

    def _executor(self, version: str) -> str:
        """Return who is to run the nets of a version that doesn't follow the rows yet."""
        wanted = self._engine.executor
        return self._engine.executor_of(self.load(version)) if wanted == "auto" else wanted

    def load(self, version: str) -> Bundle:
        """Read a version. Raises RegistryError."""
        if self._registry is None:
            raise RegistryError(
                f"model {version} is in the recorded decisions or the checkpoint, but there is no registry to load it "
                "from; name the registry's folder"
            )
        return self._registry.load(version)

    def snapshot(self) -> Snapshot:
        """Return the newest bar times and the decisions that the engine's state has in it."""
        return {"seen": dict(self._seen), "applied": list(self._applied), "over": dict(self._over)}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over what `snapshot` gave."""
        self._seen = {name: int(newest) for name, newest in snapshot["seen"].items()}
        self._applied = [list(key) for key in snapshot["applied"]]
        self._over = {name: int(number) for name, number in snapshot["over"].items()}
        self._due = [decision for decision in self._due if _key(decision) not in self._applied]


def _burn_in_from(decision: Decision) -> int:
    return int(decision.details.get("burn_in_from", decision.time))


def _key(decision: Decision) -> list[int | str]:
    return [decision.time, str(decision.kind), decision.subject, decision.timeframe]
