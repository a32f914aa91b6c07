"""The processes of one dataflow, each killed by a plan of its own and started again, while ticks keep coming."""

from __future__ import annotations

import random
import sys
import time
from typing import Any, Final

import redis

from dataflows.stored import Place
from schema.channels import PREDICTION_STREAM
from schema.kafka import kafka_address
from schema.stores import bus_name
from tests.recovery.chaos import Outcome, plans
from tests.recovery.feeder import Feeder
from tests.recovery.member import Member, await_end
from tests.recovery.stack import Site

LOOK_S: Final = 0.015
STREAM_S: Final = 30.0
_STARTS: Final = 5
CHUNK: Final = 25  # ticks that are published between two looks
A_LIFE: Final = 4_000  # ticks that a life gets at that rate; then TRICKLE, so that a slow machine isn't flooded
TRICKLE: Final = 3


class Crew:
    """All processes of a dataflow. Leaving the block ends what still runs."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        """Take the site's processes, stopped."""
        self.site, self.rng = site, rng
        self.members = [Member(site, role, rng) for role in site.roles()]

    def __enter__(self) -> Crew:
        """Enter."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End what runs."""
        for member in self.members:
            if member.alive:
                member.kill()

    def start(self) -> None:
        """Start all, to live on."""
        for member in self.members:
            member.start()

    def kill_again_and_again(self, kills: int, feeder: Feeder, outcome: Outcome) -> None:
        """Kill the members at all of their points, `kills` times in all, while ticks come; then let them live."""
        share = -(-kills // len(self.members))
        waiting = {member.role.name: plans(self.rng, share, member.role.points) for member in self.members}
        for member in self.members:
            member.start(waiting[member.role.name].pop(0))
        began = time.monotonic()
        lives = published = 0
        while any(member.point is not None for member in self.members):
            chunk = CHUNK if published < (lives + 1) * A_LIFE else TRICKLE
            feeder.publish(chunk)
            published += chunk
            time.sleep(LOOK_S)
            for member in self.members:
                if not member.look():
                    continue
                lives += 1
                outcome.kills[f"{member.role.name}: {member.point}"] += 1
                outcome.checkpoints += member.progress.checkpoints
                outcome.batches += member.progress.batch - member.progress.resumed
                print(f"{member.role.name} killed: {member.point}", file=sys.stderr, flush=True)
                points = waiting[member.role.name]
                member.start(points.pop(0) if points else None)
        outcome.seconds += time.monotonic() - began

    def drain(self) -> dict[str, Any]:
        """Let everything be read to the end, the feature processes first; return what the last process says."""
        for member in self.members[:-1]:
            await_end(member, self.site.topic)
            shipped(member)
        last = self.members[-1]
        await_end(last, kafka_address(self.site.rows).topic if self.site.shards else self.site.topic)
        self._await_stream()
        return shipped(last)

    def _await_stream(self) -> None:
        """Give the bus time to send what is stored; what it lacks in the end is the verifier's to find."""
        site, until = self.site, time.monotonic() + STREAM_S
        stream, client = bus_name(PREDICTION_STREAM, site.namespace), redis.Redis.from_url(site.stack.redis.address)
        place = Place.parse(site.stack.store_url, site.namespace)
        while time.monotonic() < until:
            newest = client.xrevrange(stream, count=1)
            if newest and int(newest[0][0].split(b"-")[0]) == place.newest_sequence():
                return
            time.sleep(0.2)


def shipped(member: Member) -> dict[str, Any]:
    """Drain a process; what then waits in its spool, since the server didn't answer, goes with the next start."""
    totals = member.drain()
    for _ in range(_STARTS):
        if not list(member.site.folder.glob(f"var/spool/*/{member.role.checkpoints.name}/*.spool")):
            break
        member.start()
        member.await_start()
        totals = member.drain()
    return totals
