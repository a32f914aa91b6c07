"""Challengers run beside the champion: its rows stay as they are, and theirs depend on nothing but the decisions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataflows.batch import Batch
from dataflows.stations.inference import Inference
from dataflows.stations.model_changes import BURN_IN
from models.registry.registry import Registry, RegistryError
from models.serving.inference import InferenceEngine
from schema.events import Decision, DecisionKind
from schema.timeframes import SECOND, parse_timeframes
from tests.models.market import FINGERPRINTS, NAMES, START, TestMarket, make_market
from tests.models.test_inference import by_key, copied

S, N = 3, 110
MARKET = make_market(S, N, planted=0.4, seed=12)
FIRST, OTHER = "small_20240102_030405", "small_20240102_030405_2"
ASKED, CHALLENGED = 20, START + 50 * SECOND  # batch in which it is asked for; bar time that it stands at in DECISIONS
DECISIONS = (
    Decision(0, DecisionKind.ACTIVATE, FIRST, "1s", {"burn_in_from": 0}),
    Decision(CHALLENGED, DecisionKind.CHALLENGE, OTHER, "1s", {"burn_in_from": START + 20 * SECOND}),
)


@pytest.fixture
def root(registry: Registry, tmp_path: Path) -> Path:
    shutil.copytree(registry.root, tmp_path / "models")
    return tmp_path / "models"


def station(root: Path, decisions: Sequence[Decision] = (), **options: Any) -> Inference:
    lots = options.pop("lots", lambda symbol: symbol / S)
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu", lots=lots)
    return Inference(
        engine, parse_timeframes("1s"), Registry(root), decisions=decisions, should_poll=lambda batch: True, **options
    )


def batches(size: int = S, first: int = 0) -> Iterator[Batch]:
    market = TestMarket(*MARKET.part(slice(first * S, None)))
    for number, begin in enumerate(range(0, len(market.bars.time), size), first + 1):
        bars, rows = market.part(slice(begin, begin + size))
        yield Batch(number, bars=bars, features=rows)


def said(stepped: Sequence[Batch], kind: str) -> dict[Any, Any]:
    return by_key([p for batch in stepped for p in getattr(batch, kind)])


@pytest.fixture
def alone(root: Path) -> dict[Any, Any]:
    flow = station(root, DECISIONS[:1], decide=False)
    return said([flow.step(batch) for batch in batches()], "predictions")


def test_a_challenge_begins_behind_its_burn_in_and_leaves_the_champion_alone(root: Path, alone: dict[Any, Any]) -> None:
    recorded: list[Decision] = []
    flow = station(root, record=recorded.append)
    Registry(root).activate(FIRST)
    stepped = []
    for batch in batches():
        if batch.number == ASKED:
            Registry(root).challenge(OTHER)
        stepped.append(flow.step(batch))
    seen = START + (ASKED - 1) * SECOND
    begin, scored = seen + 1, seen + BURN_IN * SECOND + 1
    assert recorded[1] == Decision(scored, DecisionKind.CHALLENGE, OTHER, "1s", {"burn_in_from": begin})
    assert said(stepped, "predictions") == alone
    shadows = said(stepped, "shadows")
    assert shadows.keys() == {key for key in alone if key[0] >= scored}
    assert {p.model_version for batch in stepped for p in batch.shadows} == {OTHER}


@pytest.mark.parametrize("lots", [None, [0.0, 0.5]])
def test_what_challengers_say_does_not_depend_on_batches_nor_on_a_resume(root: Path, lots: list[float] | None) -> None:
    details = {**DECISIONS[1].details, **({"lots": lots} if lots else {})}
    promotion = Decision(START + 80 * SECOND, DecisionKind.ACTIVATE, OTHER, "1s", {"burn_in_from": START + 80 * SECOND})
    decisions = (DECISIONS[0], Decision(CHALLENGED, DecisionKind.CHALLENGE, OTHER, "1s", details), promotion)
    expected = None
    for size in (S, 7 * S, S * N, 5):
        flow = station(root, decisions, decide=False)
        stepped = [flow.step(batch) for batch in batches(size)]
        found = said(stepped, "predictions"), said(stepped, "shadows")
        assert expected in (None, found)
        expected = found
    assert expected is not None
    for cut in (10, 35, 60, 79, 85):
        flow = station(root, decisions, decide=False)
        before = [flow.step(batch) for batch, _ in zip(batches(), range(cut), strict=False)]
        resumed = station(root, decisions, decide=False)
        resumed.restore(copied(flow.snapshot()))
        stepped = before + [resumed.step(batch) for batch in batches(4 * S, cut)]
        assert (said(stepped, "predictions"), said(stepped, "shadows")) == expected


def test_a_challenger_speaks_for_its_lots_and_the_champion_is_scored_there(root: Path, alone: dict[Any, Any]) -> None:
    split = Decision(CHALLENGED, DecisionKind.CHALLENGE, OTHER, "1s", {"burn_in_from": START, "lots": [0.0, 0.5]})
    flow = station(root, (DECISIONS[0], split), decide=False)
    stepped = [flow.step(batch) for batch in batches(9 * S)]
    served, scored = said(stepped, "predictions"), said(stepped, "shadows")
    assert served.keys() == alone.keys()
    drawn = {key for key in alone if key[0] >= CHALLENGED and key[1] / S < 0.5}
    assert {key for key in served if served[key] != alone[key]} == drawn
    assert {key: scored[key] for key in drawn} == {key: alone[key] for key in drawn}
    assert scored.keys() == {key for key in alone if key[0] >= CHALLENGED}


def test_a_promoted_challenger_takes_over_at_the_next_bar_with_the_state_it_has(root: Path) -> None:
    shadow = station(root, DECISIONS, decide=False)
    never = said([shadow.step(batch) for batch in batches()], "shadows")
    recorded: list[Decision] = []
    flow = station(root, DECISIONS[:1], record=recorded.append)
    registry, stepped = Registry(root), []
    registry.activate(FIRST)
    for batch in batches():
        if batch.number == ASKED:
            registry.challenge(OTHER)
        stepped.append(flow.step(batch))
        if batch.number == 70:
            assert flow.promote(batch, "1s", OTHER, {"e": 99.0})
            assert not flow.promote(batch, "1s", OTHER, {"e": 99.0}), "one change at a time"
    at = START + 70 * SECOND + 1
    assert recorded[-1] == Decision(
        at, DecisionKind.ACTIVATE, OTHER, "1s", {"burn_in_from": at, "by": "rule", "over": 1, "e": 99.0}
    )
    assert registry.active("1s") == OTHER
    assert registry.standing().challengers == {"1s": []}
    served = said(stepped, "predictions")
    late = {key: row for key, row in never.items() if key[0] >= at}
    assert {key: row for key, row in served.items() if key[0] >= at} == late
    assert max(key[0] for key in said(stepped, "shadows")) < at


def test_a_run_killed_between_a_promotion_and_the_registry_makes_up_for_it(root: Path) -> None:
    registry = Registry(root)
    registry.activate(FIRST)
    at = START + 60 * SECOND
    promotion = Decision(at, DecisionKind.ACTIVATE, OTHER, "1s", {"burn_in_from": at, "over": 1, "by": "rule"})
    recorded: list[Decision] = []
    flow = station(root, (*DECISIONS, promotion), record=recorded.append)
    stepped = [flow.step(batch) for batch in batches()]
    assert recorded == []
    assert registry.active("1s") == OTHER
    assert {p.model_version for p in stepped[-1].predictions} == {OTHER}


def test_a_withdrawn_challenger_says_no_more(root: Path) -> None:
    registry, recorded = Registry(root), list[Decision]()
    registry.activate(FIRST)
    registry.challenge(OTHER)
    flow, stepped = station(root, record=recorded.append), []
    for batch in batches():
        if batch.number == 50:
            registry.withdraw(OTHER)
        stepped.append(flow.step(batch))
    assert [d.kind for d in recorded] == ["activate", "challenge", "withdraw"]
    shadows = said(stepped, "shadows")
    assert max(key[0] for key in shadows) == START + 49 * SECOND
    assert min(key[0] for key in shadows) == min(key[0] for key in said(stepped, "predictions"))


def test_a_challenger_with_other_columns_is_refused_by_name_and_one_too_many_is_too(root: Path) -> None:
    registry = Registry(root)
    registry.activate(FIRST)
    registry.challenge(OTHER)
    flow = station(root, challengers=0)
    for batch in batches(40 * S):
        flow.step(batch)
    assert (flow.failures, "at most inference.challengers" in flow.failure) == (1, True)
    path = registry.path(OTHER) / "metadata.json"
    path.write_text(path.read_text().replace(FINGERPRINTS["noise"], "f" * 16))
    flow = station(root)
    stepped = [flow.step(batch) for batch in batches(40 * S)]
    assert "['noise'] have another" in flow.failure
    assert flow.failures == 1
    assert not said(stepped, "shadows")


def test_the_registry_rolls_back_and_keeps_challengers_apart_from_the_active_one(root: Path) -> None:
    registry = Registry(root)
    registry.activate(FIRST)
    with pytest.raises(RegistryError, match="is the active one"):
        registry.challenge(FIRST)
    registry.challenge(OTHER)
    registry.activate(OTHER)
    assert registry.standing().challengers["1s"] == []
    assert registry.roll_back("1s") == FIRST
    assert registry.active("1s") == FIRST
    with pytest.raises(RegistryError, match="before the present one"):
        registry.roll_back("1s")
    with pytest.raises(RegistryError, match="challenges nothing"):
        registry.withdraw(OTHER)


def test_two_challengers_never_speak_for_the_same_symbol(root: Path, alone: dict[Any, Any]) -> None:
    """One is withdrawn and comes back: it gets lots of its own, and each bar has one served prediction."""
    registry, third = Registry(root), "small_20240102_030405_3"
    shutil.copytree(registry.path(OTHER), registry.path(third))
    path = registry.path(third) / "metadata.json"
    path.write_text(path.read_text().replace(f'"{OTHER}"', f'"{third}"'))
    registry.activate(FIRST)
    recorded: list[Decision] = []
    flow, stepped = station(root, record=recorded.append, share=0.34), []
    changes = {5: registry.challenge, 8: registry.challenge, 50: registry.withdraw, 53: registry.challenge}
    for batch in batches():
        if batch.number in changes:
            changes[batch.number](third if batch.number == 8 else OTHER)
        stepped.append(flow.step(batch))
    lots = [decision.details["lots"] for decision in recorded if decision.kind == "challenge"]
    assert lots == [[0.0, 0.34], [0.34, 0.68], [0.0, 0.34]]
    assert said(stepped, "predictions").keys() == alone.keys()
    spoke = {p.model_version for batch in stepped for p in batch.predictions}
    assert spoke == {FIRST, OTHER, third}
