"""One process of a dataflow over the real stack, that is killed by a plan."""

from __future__ import annotations

import functools
import json
import multiprocessing
import random
import signal
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from dataflows.checkpoints import file as checkpoint_file
from tests.recovery.chaos import AGAIN, BATCHES, COUNTS, PATIENCE, RANDOM, ChaosError, assert_progress
from tests.recovery.kill_points import Plan
from tests.recovery.life import Progress, elsewhere, live_once, topics_in_batches
from tests.recovery.stack import Role, Site


def newest(folder: Path) -> int:
    """Return the batch of the newest checkpoint that counts, -1 where there is none."""
    return max((int(path.stem) for path in folder.glob("*.checkpoint")), default=-1)


class Member:
    """One process of the dataflow, and what is done to it."""

    def __init__(self, site: Site, role: Role, rng: random.Random) -> None:
        """Begin stopped."""
        self.site, self.role, self.rng = site, role, rng
        self.point: str | None = None
        self.process: Any = None
        self.progress = Progress()
        self._plan: Plan | None = None
        self._before, self._began, self._kill_at = -1, 0.0, 0.0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.is_alive()

    def start(self, point: str | None = None) -> None:
        """Start it, to be killed at the point."""
        self.point, self._plan, every = point, None, self.site.every_s
        self._before, self._began, self._kill_at = newest(self.role.checkpoints), time.monotonic(), 0.0
        if point == AGAIN:  # no checkpoint in this life: the next one resumes where this one did
            self._plan, every = Plan("polled", self.rng.randint(20, 100)), 3600.0
        elif point is not None and point != RANDOM:
            self._plan = Plan(point, self.rng.randint(*COUNTS.get(point, (1, 1))))
        self.progress = Progress()
        arguments = [*self.role.arguments, "--set", f"checkpoint.every_s={every}"]
        batches = functools.partial(topics_in_batches, self.rng.choice(BATCHES) if point else 20_000)
        self.process = multiprocessing.get_context("fork").Process(
            target=live_once,
            args=(self.site.folder, arguments, self._plan, self.progress, self.role.points, batches, self._prefix),
        )  # fmt: skip
        self.process.start()

    def look(self) -> bool:
        """Kill it where that is due; return whether it died at its point, with progress before that."""
        if self.alive:
            self._kill_if_due()
            if self.point is not None and time.monotonic() - self._began > PATIENCE:
                raise ChaosError(f"{self.role.name}: point {self.point!r} was not reached in {PATIENCE:.0f} s")
            return False
        self.process.join()
        if self.process.exitcode != -signal.SIGKILL or (self._plan is not None and not self.progress.died_at_its_point):
            raise ChaosError(f"{self.role.name}, {self.point}: ended with {self.process.exitcode}: {self.errors()}")
        assert self.point is not None, f"{self.role.name} was killed, and nobody did"
        assert_progress(self.point, self._before, newest(self.role.checkpoints), self.progress)
        return True

    def await_start(self) -> None:
        """Wait until it has resumed and looks for input, or has left."""
        until = time.monotonic() + PATIENCE
        while not self.progress.polled and self.alive and time.monotonic() < until:
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, now; it must run."""
        assert self.alive, f"{self.role.name} doesn't run: {self.errors()}"
        self.process.kill()
        self.process.join()

    def drain(self) -> dict[str, Any]:
        """SIGTERM; return the totals it prints."""
        assert self.alive, f"{self.role.name} doesn't run: {self.errors()}"
        self.process.terminate()
        self.process.join(PATIENCE)
        if self.process.exitcode != 0:
            raise ChaosError(f"{self.role.name}: a drain ended with {self.process.exitcode}: {self.errors()}")
        totals: dict[str, Any] = json.loads((self.site.folder / f"{self._prefix}out.txt").read_text())
        return totals

    def position(self) -> list[int]:
        """Return the offsets of its newest checkpoint, none before the first."""
        for path in sorted(self.role.checkpoints.glob("*.checkpoint"), reverse=True):
            try:
                return [int(offset) for offset in checkpoint_file.read(path)["position"]["offsets"]]
            except FileNotFoundError:  # only the newest few are kept
                continue
        return []

    def errors(self) -> str:
        """Return the end of what it said."""
        path = self.site.folder / f"{self._prefix}errors.txt"
        return path.read_text()[-2500:] if path.exists() else ""

    @property
    def _prefix(self) -> str:
        return f"{self.role.name}-"

    def _kill_if_due(self) -> None:
        if self.point != RANDOM or self.progress.batch == self.progress.resumed:
            return
        self._kill_at = self._kill_at or time.monotonic() + self.rng.uniform(0.05, 0.4)
        if time.monotonic() >= self._kill_at:
            self.process.kill()
            self.process.join()


def await_end(member: Member, topic: str) -> None:
    """Wait until a counted checkpoint of the process is at the end of its partitions of the topic."""
    partitions = member.site.shards.get(member.role.name)
    ends, until = elsewhere(ends_of, member.site.stack.kafka.address, topic, partitions), time.monotonic() + PATIENCE
    while (at := member.position()) != ends:
        if not member.alive or time.monotonic() > until:
            raise ChaosError(f"{member.role.name}: it is at {at}, the end is {ends}: {member.errors()}")
        time.sleep(0.05)


def ends_of(servers: str, topic: str, partitions: Any = None) -> list[int]:
    """Return the offsets that the next messages will get."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "ends"})
    try:
        chosen = partitions or sorted(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        return [consumer.get_watermark_offsets(TopicPartition(topic, k), timeout=20)[1] for k in chosen]
    finally:
        consumer.close()
