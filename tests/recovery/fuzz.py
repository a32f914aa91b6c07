"""Do random things to a dataflow over the real stack.

Publish, kill a process, restart a server, freeze one, rescale the feature processes, activate a model, validate: the
verifier compares what was stored with what the topic says.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from models.registry.registry import Registry
from tests.recovery.chaos import PATIENCE, ChaosError
from tests.recovery.crew import Crew
from tests.recovery.feeder import Feeder
from tests.recovery.member import Member
from tests.recovery.script import SCALES, Action
from tests.recovery.stack import ONE, Site, Stack
from tests.recovery.stack_verifier import Verifier

_AWAY: Final = 75  # exit code of a process that found a server away
_BETWEEN_S: Final = 0.3  # between two actions


@dataclass
class Fuzzed:
    """What was done, and what was found."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)  # by verb
    started_again: int = 0  # processes that had left because a server was away
    compared: int = 0  # predictions that the last validation compared
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Fuzz:
    """A dataflow of one or three feature processes and one of inference, and what is done to it."""

    def __init__(self, stack: Stack, folder: Path, seed: int) -> None:
        """Start everything."""
        self.site, self.outcome, self.seed = Site(stack, folder, shards=dict(ONE)), Fuzzed(seed), seed
        self.site.prepare()
        self.feeder = Feeder(self.site, seed)
        self.crew = self._crew()

    def run(self, script: Iterable[Action]) -> Fuzzed:
        """Do what the script says, one after the other; stop at the first validation that finds a fault."""
        began = time.monotonic()
        try:
            for action in script:
                print(f"{time.monotonic() - began:6.1f} s  {action}", file=sys.stderr, flush=True)
                getattr(self, f"_{action.verb}")(action)
                self.outcome.done[" ".join(str(action).split()[:2]) if action.verb == "restart" else action.verb] += 1
                if self.outcome.faults:
                    break
                self._settle(_BETWEEN_S)
        finally:
            self.crew.__exit__()
            self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def _publish(self, action: Action) -> None:
        self.feeder.publish(int(action.number))

    def _kill(self, action: Action) -> None:
        member = next(member for member in self.crew.members if member.role.name == action.what)
        self._until(lambda: member.alive, f"{action.what} runs")
        member.kill()
        member.start()

    def _restart(self, action: Action) -> None:
        name, how = action.what.split()
        server = getattr(self.site.stack, name)
        getattr(server, how)()
        self._settle(action.number)
        server.start()

    def _pause(self, action: Action) -> None:
        server = getattr(self.site.stack, action.what)
        server.pause()
        self._settle(action.number)
        server.resume()

    def _rescale(self, action: Action) -> None:
        """Kill the feature processes, drain the one behind them, deal the state anew, start the new ones."""
        self.feeder.sync()  # a partition that shows nothing would hold it up
        self._caught_up()
        for member in self.crew.members[:-1]:
            member.kill()
        self.crew.members[-1].drain()
        self.site.rescale(SCALES[action.what])
        self.crew = self._crew()

    def _activate(self, action: Action) -> None:
        registry = Registry(self.site.stack.registry)
        registry.activate(next(m.version for m in registry.list() if m.version.startswith(action.what)))

    def _validate(self, action: Action) -> None:
        """Drain everything, compare, start again."""
        published = self.feeder.sync()
        self._caught_up()
        totals = self.crew.drain()
        found = Verifier(self.site, self.seed).faults(totals, published)
        self.outcome.compared = int(totals["predictions"])
        self.outcome.faults += found
        self.crew = self._crew()

    def _crew(self) -> Crew:
        crew = Crew(self.site, random.Random(self.seed))
        crew.start()
        return crew

    def _caught_up(self) -> None:
        """Wait until all processes look for input, past where SIGTERM just ends them, and have a checkpoint."""
        for member in self.crew.members:
            self._until(lambda: _runs(member) and bool(member.position()), f"{member.role.name} runs")  # noqa: B023

    def _until(self, holds: Any, what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > until:
                raise ChaosError(f"it did not come to it that {what}, in {PATIENCE:.0f} s")
            self._settle(0.05)

    def _settle(self, seconds: float) -> None:
        """Let time pass, and start again who left because a server was away."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for member in self.crew.members:
                self._revive(member)
            time.sleep(0.02)

    def _revive(self, member: Member) -> None:
        if member.alive:
            return
        if member.process.exitcode != _AWAY:
            raise ChaosError(f"{member.role.name} ended with {member.process.exitcode}: {member.errors()}")
        self.outcome.started_again += 1
        time.sleep(0.2)
        member.start()


def _runs(member: Member) -> bool:
    return member.alive and bool(member.progress.polled)
