"""Kill dataflows over Kafka, QuestDB and Redis.

One process that does everything, or three feature processes and one of inference. Each is killed at every named point
of its life, at random moments and twice between two checkpoints, while ticks are published; then all is drained, and
the verifier looks. A seed fixes points, counts, batch sizes and the market; which kills meet is the machine's.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.recovery.chaos import Outcome
from tests.recovery.crew import Crew
from tests.recovery.feeder import Feeder
from tests.recovery.stack import THREE, Site, Stack
from tests.recovery.stack_verifier import Verifier

NAMES = {
    "fused": "Kafka, QuestDB, Redis; one process",
    "split": "Kafka, QuestDB, Redis; three feature processes and one of inference",
}


def one_site(site: Site, kills: int, seed: int, outcome: Outcome) -> None:
    """Kill a fresh dataflow's processes `kills` times, let it drain, and verify."""
    site.prepare()
    feeder = Feeder(site, seed)
    with Crew(site, random.Random(seed)) as crew:
        crew.kill_again_and_again(kills, feeder, outcome)
        published = feeder.end()
        totals = crew.drain()
    outcome.rounds += 1
    outcome.faults += [f"{site.namespace}: {fault}" for fault in Verifier(site, seed).faults(totals, published)]


def chaos(stack: Stack, folder: Path, topology: str, kills: int, seed: int, a_round: int = 40) -> Outcome:
    """Kill `kills` times in rounds, each a dataflow of its own, and verify each."""
    outcome, number = Outcome(seed, NAMES[topology]), 0
    while outcome.killed < kills:
        number += 1
        shards = THREE if topology == "split" else {}
        site = Site(stack, folder / f"{topology}{number}", shards=shards)
        one_site(site, min(a_round, kills - outcome.killed), seed * 1_000 + number, outcome)
    return outcome
