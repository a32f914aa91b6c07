from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from dataflows.batch import Batch
from dataflows.stations.inference import Inference
from dataflows.stations.model_changes import BURN_IN
from models.registry.bundle import Bundle
from models.registry.registry import Registry, RegistryError
from models.serving.inference import InferenceEngine
from schema.events import Decision, DecisionKind
from schema.timeframes import SECOND, parse_timeframes
from tests.models.market import FINGERPRINTS, NAMES, START, TestMarket, make_market
from tests.models.test_inference import by_key, copied

S, N = 3, 90
MARKET = make_market(S, N, planted=0.4, seed=12)
FIRST, SECOND_VERSION = "small_20240102_030405", "small_20240102_030405_2"


@pytest.fixture
def root(registry: Registry, tmp_path: Path) -> Path:
    """A registry of one's own, nothing active."""
    shutil.copytree(registry.root, tmp_path / "models")
    return tmp_path / "models"


def station(root: Path | None, *decisions: Decision, **options: object) -> Inference:
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu")
    return Inference(
        engine, parse_timeframes("1s"), Registry(root) if root else None, decisions=decisions,
        should_poll=lambda batch: True, clock=count(100).__next__, **options,  # type: ignore[arg-type]
    )  # fmt: skip


def batches(size: int = S, first: int = 0, last: int = N) -> Iterator[Batch]:
    part = MARKET.part(slice(first * S, last * S))
    market = TestMarket(*part)
    for number, begin in enumerate(range(0, len(market.bars.time), size), 1):
        bars, rows = market.part(slice(begin, begin + size))
        yield Batch(number, bars=bars, features=rows)


def versions(stepped: list[Batch]) -> dict[int, str]:
    return {int(t): p.model_version for batch in stepped for p in batch.predictions for t in p.time}


def test_a_model_that_is_active_at_the_start_speaks_from_the_first_row(root: Path) -> None:
    Registry(root).activate(FIRST)
    recorded: list[Decision] = []
    everything = None
    for size in (S, 7 * S, S * N):
        flow = station(root, record=recorded.append)
        rows = by_key([p for batch in batches(size) for p in flow.step(batch).predictions])
        assert everything in (None, rows)
        everything = rows
    assert recorded == [Decision(0, DecisionKind.ACTIVATE, FIRST, "1s", {"burn_in_from": 0})] * 3


def test_without_a_model_rows_pass_by(root: Path) -> None:
    flow = station(root)
    assert [flow.step(batch).predictions for batch in batches()] == [[]] * N
    assert flow.step(Batch(N + 1)).predictions == []


def test_stage_times_come_from_the_given_clock(root: Path) -> None:
    Registry(root).activate(FIRST)
    made = [p for batch in batches(S * N) for p in station(root).step(batch).predictions]
    assert [(p.inference_started, p.inference_done) for p in made] == [(100, 101)]


def test_a_new_champion_takes_over_behind_its_burn_in(root: Path) -> None:
    recorded: list[Decision] = []
    flow = station(root, record=recorded.append)
    Registry(root).activate(FIRST)
    stepped = []
    for batch in batches():
        if batch.number == 41:
            Registry(root).activate(SECOND_VERSION)
        stepped.append(flow.step(batch))
    newest = START + 40 * SECOND  # when the second one was found, the 40th bar time had passed
    swap = newest + BURN_IN * SECOND + 1
    assert recorded[1] == Decision(swap, DecisionKind.ACTIVATE, SECOND_VERSION, "1s", {"burn_in_from": newest + 1})
    assert stepped[40].decisions == [recorded[1]]
    spoken = versions(stepped)
    assert len(spoken) == len(versions([station(root, *recorded[:1], decide=False).step(b) for b in batches()]))
    assert all(version == (SECOND_VERSION if t >= swap else FIRST) for t, version in spoken.items())
    assert set(spoken.values()) == {FIRST, SECOND_VERSION}


def test_a_burn_in_is_as_long_as_the_windows_of_the_new_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bundle, "window", 45)
    recorded: list[Decision] = []
    flow = station(root, record=recorded.append)
    Registry(root).activate(FIRST)
    for batch in batches():
        if batch.number == 41:
            Registry(root).activate(SECOND_VERSION)
        flow.step(batch)
    assert [decision.time for decision in recorded] == [0, START + 85 * SECOND + 1]


def test_a_replay_obeys_what_was_recorded_whatever_its_batches(root: Path) -> None:
    recorded: list[Decision] = []
    flow = station(root, record=recorded.append)
    live = []
    for batch in batches():
        if batch.number == 20:
            Registry(root).activate(FIRST)
        if batch.number == 41:
            Registry(root).activate(SECOND_VERSION)
        live += flow.step(batch).predictions
    for size in (S, 8 * S, S * N):
        replay = station(root, *recorded, decide=False)
        assert by_key([p for batch in batches(size) for p in replay.step(batch).predictions]) == by_key(live)
    assert min(versions([station(root, *recorded, decide=False).step(b) for b in batches()])) == START + 20 * SECOND


@pytest.mark.parametrize("ordered", [False, True], ids=["as found", "by name"])
def test_changes_of_mind_between_two_bars_keep_their_order(root: Path, ordered: bool) -> None:
    """While no bar comes (a feature process is away) several activations find the same newest bar time.

    A store gives decisions back by time, and those of one time in any order: no two may share theirs.
    """
    recorded: list[Decision] = []
    flow = station(root, record=recorded.append)
    Registry(root).activate(FIRST)
    live = []
    for batch in batches():
        if batch.number == 41:
            for version in (SECOND_VERSION, FIRST, SECOND_VERSION, FIRST):
                Registry(root).activate(version)
                flow.step(Batch(batch.number))
        live += flow.step(batch).predictions
    assert len({(d.time, d.kind, d.subject, d.timeframe) for d in recorded}) == len(recorded) == 5
    stored = sorted(recorded, key=lambda d: d.subject) if ordered else recorded[::-1]
    replay = station(root, *sorted(stored, key=lambda d: d.time), decide=False)
    assert by_key([p for batch in batches() for p in replay.step(batch).predictions]) == by_key(live)


def test_a_decision_is_recorded_before_any_output_depends_on_it(root: Path) -> None:
    Registry(root).activate(FIRST)

    def full(decision: Decision) -> None:
        raise OSError("disk full")

    flow = station(root, record=full)
    batch = next(batches(S * N))
    with pytest.raises(OSError, match="disk full"):
        flow.step(batch)
    assert batch.predictions == []
    assert flow.snapshot()["engine"]["timeframes"] == {}


def test_a_resume_obeys_the_record_and_decides_nothing_again(root: Path) -> None:
    recorded: list[Decision] = []
    flow = station(root, record=recorded.append)
    Registry(root).activate(FIRST)
    whole, snapshot = [], {}
    for batch in batches():
        if batch.number == 36:
            snapshot = copied(flow.snapshot())  # before the second decision
        if batch.number == 41:
            Registry(root).activate(SECOND_VERSION)
        whole += flow.step(batch).predictions
    again: list[Decision] = []
    resumed = station(root, *recorded, record=again.append, passed=int(MARKET.bars.time[-1]))
    resumed.restore(snapshot)
    rest = [p for batch in batches(3 * S, 35) for p in resumed.step(batch).predictions]
    since = int(MARKET.bars.time[35 * S])
    assert by_key(rest) == {key: row for key, row in by_key(whole).items() if key[0] >= since}
    assert again == []


def test_no_new_decision_reaches_back_behind_what_is_stored(root: Path) -> None:
    Registry(root).activate(FIRST)
    passed = START + 70 * SECOND
    flow = station(root, passed=passed)
    assert min(versions([flow.step(batch) for batch in batches()])) == passed + SECOND


@pytest.mark.parametrize("damage", ["gone", "weights", "columns", "active"])
def test_a_bad_entry_leaves_the_old_model_and_is_counted(root: Path, damage: str) -> None:
    registry = Registry(root)
    registry.activate(FIRST)
    flow, stepped = station(root), []
    for batch in batches():
        if batch.number == 41:
            registry.activate(SECOND_VERSION)
            path = registry.path(SECOND_VERSION)
            if damage == "gone":
                shutil.rmtree(path)
            elif damage == "weights":
                (path / "weights.safetensors").write_bytes(b"")
            elif damage == "columns":
                text = (path / "metadata.json").read_text()
                (path / "metadata.json").write_text(text.replace(FINGERPRINTS["noise"], "f" * 16))
            else:
                (root / "active.json").write_text("{")
        stepped.append(flow.step(batch))
    expected = {"gone": "is not in the registry", "weights": "is damaged", "columns": r"['noise'] have another",
                "active": "can't be read"}  # fmt: skip
    assert expected[damage] in flow.failure
    assert flow.failures == (N - 40 if damage == "active" else 1)
    assert set(versions(stepped).values()) == {FIRST}
    assert len(versions(stepped)) == len(versions([station(root, Decision(0, DecisionKind.ACTIVATE, FIRST, "1s"),
                                                           decide=False).step(b) for b in batches()]))  # fmt: skip


def test_a_recorded_model_that_is_gone_stops_a_replay(root: Path) -> None:
    gone = Decision(0, DecisionKind.ACTIVATE, "gone_20240102_030405", "1s")
    with pytest.raises(RegistryError, match="'gone_20240102_030405' is not in the registry"):
        station(root, gone, decide=False).step(next(batches()))
    with pytest.raises(RegistryError, match="there is no registry to load it from"):
        station(None, gone).step(next(batches()))
