"""GPU, CPU, trees, stale: each fall and each rise is a recorded decision, and a replay of them gives the same bits.

There is no GPU here: a fake one computes on the CPU under the name "cuda", and fails when it is told to.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch

from dataflows.batch import Batch
from dataflows.checkpoints.state_versions import migrated
from dataflows.stations.inference import Inference
from models.labels import Float32
from models.registry.registry import Registry
from models.serving import served_members, stepper
from models.serving.inference import InferenceEngine
from models.serving.stepper import Stepper
from schema.events import Decision, DecisionKind
from schema.predictions import Tier
from schema.ticks import Int32
from schema.timeframes import parse_timeframes
from tests.models.market import FINGERPRINTS, NAMES, TestMarket, make_market
from tests.models.test_inference import by_key, copied

S, N = 3, 60
MARKET = make_market(S, N, planted=0.4, seed=12)
FIRST = "small_20240102_030405"


@dataclass
class Faults:
    """Which places fail now; trees are one, "walk"."""

    broken: frozenset[str] = frozenset()


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """A GPU that isn't one, and places that fail."""
    faults, run, walk = Faults(), Stepper.run, served_members.walk

    def failing_run(self: Stepper, x: Float32, symbol: Int32) -> Float32:
        if self.place in faults.broken:
            raise RuntimeError(f"{self.place} error: an illegal memory access was encountered")
        return run(self, x, symbol)

    def failing_walk(*given: object) -> object:
        if "walk" in faults.broken:
            raise RuntimeError("trees: planted")
        return walk(*given)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(stepper, "torch_device", lambda name: torch.device("cpu"))
    monkeypatch.setattr(Stepper, "run", failing_run)
    monkeypatch.setattr(served_members, "walk", failing_walk)
    return faults


@pytest.fixture
def root(registry: Registry, tmp_path: Path) -> Path:
    shutil.copytree(registry.root, tmp_path / "models")
    Registry(tmp_path / "models").activate(FIRST)
    return tmp_path / "models"


def station(root: Path, *decisions: Decision, **options: object) -> Inference:
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cuda")
    return Inference(
        engine, parse_timeframes("1s"), Registry(root), decisions=decisions, should_poll=lambda batch: True,
        clock=count(100).__next__, **{"degrades": True, "should_probe": lambda batch: False, **options},  # type: ignore[arg-type]
    )  # fmt: skip


def batches(size: int = S, first: int = 0) -> Iterator[Batch]:
    market = TestMarket(*MARKET.part(slice(first * S, None)))
    for number, begin in enumerate(range(0, len(market.bars.time), size), 1):
        bars, rows = market.part(slice(begin, begin + size))
        yield Batch(number, bars=bars, features=rows)


def second(k: int) -> int:
    return int(MARKET.bars.time[k * S])


def live(root: Path, faults: Faults, recorded: list[Decision], snapshots: dict[int, dict[str, object]]) -> list[Batch]:
    """GPU till 20, CPU till 30, trees till 40, stale till 50, then up again."""
    script = {20: {"cuda"}, 30: {"cuda", "cpu"}, 40: {"cuda", "cpu", "walk"}, 50: set()}
    flow = station(root, record=recorded.append, should_probe=lambda batch: batch.number == 51)
    stepped = []
    for batch in batches():
        faults.broken = frozenset(script.get(batch.number - 1, faults.broken))
        snapshots[batch.number] = copied(flow.snapshot())
        stepped.append(flow.step(batch))
    return stepped


def tiers(stepped: list[Batch]) -> dict[int, str]:
    return {int(t): str(p.tier) for batch in stepped for p in batch.predictions for t in p.time}


def test_every_tier_is_recorded_before_it_speaks_and_replayed(root: Path, faults: Faults) -> None:
    recorded: list[Decision] = []
    stepped = live(root, faults, recorded, {})
    moves = [(d.time, d.subject) for d in recorded if d.kind == DecisionKind.TIER]
    assert moves == [
        (second(20), "cpu"), (second(30), "trees"), (second(40), "stale"), (second(49) + 1, "gpu"),
    ]  # fmt: skip
    assert all(d in stepped[k].decisions for d, k in zip(recorded[1:], (20, 30, 40, 50), strict=True))
    said = tiers(stepped)
    assert all(
        tier == ("gpu" if t < second(20) or t > second(49) else "cpu" if t < second(30) else "trees" if t < second(40)
                 else "stale") for t, tier in said.items()
    )  # fmt: skip
    assert set(said.values()) == {"gpu", "cpu", "trees", "stale"}
    faults.broken = frozenset()
    whole = by_key([p for batch in stepped for p in batch.predictions])
    for size in (S, 8 * S, S * N):
        replay = station(root, *recorded, decide=False, degrades=False)
        assert by_key([p for batch in batches(size) for p in replay.step(batch).predictions]) == whole


def test_no_row_goes_without_a_prediction(root: Path, faults: Faults) -> None:
    flow = station(root)
    undisturbed = {key for batch in batches() for key in by_key(flow.step(batch).predictions)}
    assert undisturbed
    assert {key for b in live(root, faults, [], {}) for key in by_key(b.predictions)} == undisturbed


def test_stale_repeats_the_last_word_at_the_present_price(root: Path, faults: Faults) -> None:
    stepped = live(root, faults, [], {})
    last, stale = stepped[39].predictions[0], stepped[45].predictions[0]
    assert (stale.tier, stale.full_tier, stale.members) == (Tier.STALE, Tier.GPU, {})
    assert stale.notes == ("degraded: stale answers instead of gpu",)
    for name in ("expected_return", "volatility", "p_down", "p_up", "confidence", "direction", "risk"):
        np.testing.assert_array_equal(getattr(stale, name), getattr(last, name))
    assert (stale.current_price != last.current_price).any()
    np.testing.assert_allclose(stale.predicted_price, stale.current_price * np.exp(stale.expected_return), rtol=1e-12)


@pytest.mark.parametrize("cut", [15, 25, 35, 45, 55])
def test_a_resume_goes_on_at_the_tier_of_the_checkpoint(root: Path, faults: Faults, cut: int) -> None:
    recorded: list[Decision] = []
    snapshots: dict[int, dict[str, object]] = {}
    whole = by_key([p for batch in live(root, faults, recorded, snapshots) for p in batch.predictions])
    again: list[Decision] = []
    faults.broken = frozenset()
    resumed = station(root, *recorded, record=again.append, passed=second(N - 1))
    resumed.restore(snapshots[cut])
    rest = by_key([p for batch in batches(3 * S, cut - 1) for p in resumed.step(batch).predictions])
    assert rest == {key: row for key, row in whole.items() if key[0] >= second(cut - 1)}
    assert again == []


def test_a_decision_that_cannot_be_recorded_stops_the_flow(root: Path, faults: Faults) -> None:
    flow = station(root, Decision(0, DecisionKind.ACTIVATE, FIRST, "1s"), decide=False, record=_full)
    faults.broken = frozenset({"cuda"})
    batch = next(batches(S * N))
    with pytest.raises(OSError, match="disk full"):
        flow.step(batch)
    assert batch.predictions == []


def _full(decision: Decision) -> None:
    raise OSError("disk full")


def test_a_replay_does_not_decide(root: Path, faults: Faults) -> None:
    flow = station(root, Decision(0, DecisionKind.ACTIVATE, FIRST, "1s"), decide=False, degrades=False)
    faults.broken = frozenset({"cuda"})
    with pytest.raises(RuntimeError, match="illegal memory access"):
        flow.step(next(batches(S * N)))


def test_an_error_that_is_a_defect_is_no_reason_to_degrade(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stepper, "run", lambda *given: {}["a defect"])
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu")
    flow = Inference(engine, parse_timeframes("1s"), Registry(root), degrades=True)
    with pytest.raises(KeyError):
        flow.step(next(batches(S * N)))


def test_a_checkpoint_of_version_1_is_brought_up(root: Path) -> None:
    flow = Inference(
        InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu"), parse_timeframes("1s"), Registry(root)
    )  # fmt: skip
    for batch in list(batches())[:30]:
        flow.step(batch)
    old = copied(flow.snapshot())
    del old["engine"]["caps"], old["over"]
    model = old["engine"]["timeframes"]["1s"]["runners"]["0"]["model"]
    del model["last"]
    service = {"version": FIRST, "effective_time": 0, "burn_in_from": 0, "model": model}
    old["engine"]["timeframes"] = {"1s": {"0": service}}
    old["applied"] = [[0, FIRST, "1s"]]
    new = migrated({"stations": {"inference": old}})["stations"]["inference"]
    later = Inference(
        InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu"), parse_timeframes("1s"), Registry(root)
    )  # fmt: skip
    later.restore(new)
    rest = by_key([p for batch in batches(S, 30) for p in flow.step(batch).predictions])
    assert rest
    assert by_key([p for batch in batches(S, 30) for p in later.step(batch).predictions]) == rest
