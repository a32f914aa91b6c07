"""A short, seeded sample of the chaos over the real stack, and proof that its verifier would have noticed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.ops.commands import ROOT, clean_environment
from tests.recovery.script import Action, drawn
from tests.servers import need

KILLS, STEPS = 7, 6  # of each topology; random actions
SEED = "20261121"


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What a short run of all three parts found; its servers are its own, for it stops and kills them."""
    for server in ("kafka", "questdb", "redis"):
        need(server)
    done = subprocess.run(
        [sys.executable, "-m", "tests.recovery.full", "--kills", str(KILLS), "--steps", str(STEPS), "--seed", SEED,
         "--json"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1) and done.stdout, done.stdout + done.stderr[-5000:]
    outcomes: dict[str, Any] = json.loads(done.stdout)
    return outcomes


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("topology", ["fused", "split"])
def test_nothing_is_lost_when_processes_are_killed(found: dict[str, Any], topology: str) -> None:
    outcome = found[topology]
    assert outcome["faults"] == []
    assert outcome["killed"] >= KILLS
    assert {point.partition(":")[0] for point in outcome["kills"]} == (
        {"fused"} if topology == "fused" else {"left", "middle", "right", "inference"}
    )
    assert outcome["batches"] > KILLS


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_is_lost_whatever_is_done(found: dict[str, Any]) -> None:
    outcome = found["fuzz"]
    assert outcome["faults"] == []
    assert outcome["compared"] > 0
    assert sum(outcome["done"].values()) == STEPS + 2


def test_a_script_is_that_of_its_seed_and_can_be_read_again() -> None:
    script = list(drawn(7, 60))
    assert script == list(drawn(7, 60)) != list(drawn(8, 60))
    assert [Action.parse(str(action)) for action in script] == script
    assert len(Counter(action.verb for action in script)) == 7
    with pytest.raises(ValueError, match="expected one of publish"):
        Action.parse("explode kafka")
