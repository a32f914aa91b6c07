"""The lineup of a timeframe: which versions follow its rows, which of them speaks when, and which are only scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.registry.bundle import Bundle
from models.serving.model import ServedModel
from schema.ticks import Bool, Float64, Int64

FOREVER: Final = int(np.iinfo(np.int64).max)
NO_LOTS: Final = (0.0, 0.0)


@dataclass(slots=True, eq=False)
class Runner:
    """A version that follows the rows with since <= time < until (ns UTC), with a state of its own.

    As a challenger it answers from `scored_from` to `scored_until`. Of the symbols whose lot lies in `lots` (low
    included, high not) it then speaks instead of the champion.
    """

    model: ServedModel
    since: int
    until: int = FOREVER
    scored_from: int = FOREVER
    scored_until: int = FOREVER
    lots: tuple[float, float] = NO_LOTS

    @property
    def version(self) -> str:
        """The version's name."""
        return self.model.version

    def scored(self, time: Int64) -> Bool:
        """Return at which bar times (n,) it answers as a challenger."""
        return (self.scored_from <= time) & (time < self.scored_until)

    def draws(self, lot: Float64) -> Bool:
        """Return which symbols, by their lots (n,) in [0, 1), it speaks for as a challenger."""
        return (self.lots[0] <= lot) & (lot < self.lots[1])


@dataclass(slots=True)
class Lineup:
    """The runners of one timeframe and the champions' terms of office: (from bar time on, who), in order."""

    runners: list[Runner] = field(default_factory=list)
    terms: list[tuple[int, Runner]] = field(default_factory=list)

    @property
    def challengers(self) -> tuple[str, ...]:
        """The versions that are, or will be, scored in the shadow."""
        return tuple(r.version for r in self.runners if r.scored_from < r.scored_until == FOREVER)

    @property
    def lots_taken(self) -> tuple[tuple[float, float], ...]:
        """The lots of each challenger."""
        return tuple(r.lots for r in self.runners if r.scored_from < r.scored_until == FOREVER)

    def alive(self, version: str, begin: int) -> Runner | None:
        """Return the runner of a version that has followed the rows up to `begin` and goes on, None without one."""
        return next((r for r in self.runners if r.version == version and r.since <= begin < r.until), None)

    def activate(self, version: str, effective: int, begin: int, make: Callable[[], ServedModel]) -> None:
        """Let a version speak from `effective` on. Terms that would have begun later are dropped.

        Where it doesn't follow the rows yet it does so from `begin` on, from an empty state.
        """
        runner = self._joined(version, begin, make)
        dropped = [r for start, r in self.terms if start >= effective]
        self.terms = [(start, r) for start, r in self.terms if start < effective]
        self.terms.append((effective, runner))
        runner.until, runner.scored_until = FOREVER, min(runner.scored_until, effective)
        for other in dropped:
            self._release(other, begin)
        if len(self.terms) > 1:
            self._release(self.terms[-2][1], effective)

    def challenge(
        self, version: str, effective: int, begin: int, lots: tuple[float, float], make: Callable[[], ServedModel]
    ) -> None:
        """Let a version answer in the shadow from `effective` on."""
        runner = self._joined(version, begin, make)
        runner.until, runner.scored_from, runner.scored_until, runner.lots = FOREVER, effective, FOREVER, lots

    def withdraw(self, version: str, at: int) -> None:
        """End a challenge at bar time `at`; nothing happens where there is none."""
        for runner in self.runners:
            if runner.version == version and runner.scored_until == FOREVER:
                runner.scored_until = at
                self._release(runner, at)

    def _joined(self, version: str, begin: int, make: Callable[[], ServedModel]) -> Runner:
        runner = self.alive(version, begin)
        if runner is None:
            runner = Runner(make(), begin)
            self.runners.append(runner)
        return runner

    def _release(self, runner: Runner, at: int) -> None:
        """Let a runner go at bar time `at` where nothing needs it beyond."""
        scored = runner.scored_from < runner.scored_until == FOREVER
        if not scored and self.terms and self.terms[-1][1] is not runner:
            runner.until = at

    def speaks(self, runner: Runner, time: Int64) -> Bool:
        """Return at which bar times (n,) a runner is the champion."""
        term = np.searchsorted([start for start, _ in self.terms], time, side="right")
        office = np.array([False, *(r is runner for _, r in self.terms)])
        return np.asarray(office[term], np.bool_)

    def passed(self, time: int) -> None:
        """Forget what no row from bar time `time` on needs."""
        while len(self.terms) > 1 and self.terms[1][0] <= time:
            del self.terms[0]
        held = {id(runner) for _, runner in self.terms}
        self.runners = [r for r in self.runners if r.until > time or id(r) in held]

    def snapshot(self) -> dict[str, Any]:
        """Return runners, their models' state, and terms (live: copy at once)."""
        return {
            "runners": {
                str(k): {
                    "version": r.version, "since": r.since, "until": r.until, "scored_from": r.scored_from,
                    "scored_until": r.scored_until, "lots": list(r.lots), "executor": r.model.executor,
                    "model": r.model.snapshot(),
                }
                for k, r in enumerate(self.runners)
            },
            "terms": [[start, self.runners.index(r)] for start, r in self.terms],
        }  # fmt: skip

    @staticmethod
    def restored(
        snapshot: Mapping[str, Any], serve: Callable[[Bundle, str], ServedModel], load: Callable[[str], Bundle]
    ) -> Lineup:
        """Return what `snapshot` was taken of; `load` reads a version."""
        saved: Sequence[Mapping[str, Any]] = [snapshot["runners"][str(k)] for k in range(len(snapshot["runners"]))]
        runners = []
        for part in saved:
            model = serve(load(part["version"]), str(part.get("executor", "torch")))
            model.restore(part["model"])
            low, high = part["lots"]
            since, until, start, end = (int(part[k]) for k in ("since", "until", "scored_from", "scored_until"))
            runners.append(Runner(model, since, until, start, end, (float(low), float(high))))
        return Lineup(runners, [(int(start), runners[int(k)]) for start, k in snapshot["terms"]])
