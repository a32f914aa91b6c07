"""Drift: what is counted is right and doesn't depend on batches; ordinary windows are quiet, planted drift is told."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.stations.inference import Inference
from models.drift.bins import BINS, EDGES, count, distance, drawn, edges_of, stability
from models.drift.describing import describe
from models.drift.reference import FILE, SAID, Part, Reference, read_reference
from models.drift.term import Notice, Rule, Term, said
from models.drift.verdict import Verdict
from models.registry.registry import Registry
from models.serving.inference import InferenceEngine
from schema.events import Decision, DecisionKind
from schema.timeframes import SECOND, parse_timeframes
from tests.models.market import FINGERPRINTS, NAMES, make_market

S, C, TRAINED, LIVE = 6, 20, 1200, 900
COLUMNS = tuple(f"c{k}" for k in range(C))
RULE = Rule(1.2, 2, 3)
Shift = Callable[[np.ndarray], np.ndarray]


def panel(seed: int, n: int = TRAINED + LIVE) -> np.ndarray:
    """Columns (n, S, C) of rising persistence, up to 0.95 a bar, a third of them common to the symbols."""
    random, rho = np.random.default_rng(seed), np.linspace(0.0, 0.95, C)
    own, common = random.standard_normal((S, C)), random.standard_normal(C)
    out, scale = np.empty((n, S, C), np.float32), np.sqrt(1 - rho**2)
    for t in range(n):
        own = rho * own + scale * random.standard_normal((S, C))
        common = rho * common + scale * random.standard_normal(C)
        out[t] = np.sqrt(2 / 3) * own + np.sqrt(1 / 3) * common
    return out


def described(values: np.ndarray) -> Part:
    part = describe(COLUMNS, values, np.arange(TRAINED * S), range(C), times(len(values))[: TRAINED * S])
    assert part is not None
    return part


def times(rows: int) -> np.ndarray:
    return np.repeat(np.arange(1, rows // S + 1) * 60 * SECOND, S)


def term(part: Part) -> Term:
    return Term("v", Reference(part, None), COLUMNS, RULE)


def watched(seed: int, shift: Shift | None = None) -> list[Notice]:
    data = panel(seed)
    if shift is not None:
        data[TRAINED:, :, 3] = shift(data[TRAINED:, :, 3])
    values = data.reshape(-1, C)
    return fed(term(described(values)), values, LIVE * S)


def fed(to: Term, values: np.ndarray, size: int) -> list[Notice]:
    rows, time = np.arange(TRAINED * S, len(values)), times(len(values))
    nothing = np.zeros((len(rows), len(SAID)))
    return [
        notice
        for k in range(0, len(rows), size)
        for notice in to.add(values, rows[k : k + size], nothing[k : k + size], time[rows[k : k + size]])
    ]


def plain(notices: list[Notice]) -> list[tuple[object, ...]]:
    return [tuple(notice) for notice in notices]


def test_the_index_and_the_distance_are_those_of_the_books() -> None:
    p, q = [30, 50, 20, 0], [10, 60, 25, 5]
    filled = [[x + 0.5 for x in side] for side in (p, q)]
    shares = [[x / sum(side) for x in side] for side in filled]
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(*shares, strict=True))
    found, known = np.array([p + [0] * 7]), np.array([q + [0] * 7])
    assert stability(found, known) == pytest.approx([by_hand])
    assert distance(found, known) == pytest.approx([0.2])
    assert stability(known, known) == distance(known, known) == [0.0]


def test_counts_are_those_of_numpy() -> None:
    random = np.random.default_rng(3)
    values = random.standard_normal((500, 7)) * 60_000
    values[random.random(values.shape) < 0.1] = np.nan
    take, rows = np.array([5, 0, 6]), random.permutation(500)[:300]
    edges = np.stack([edges_of(values[~np.isnan(values[:, c]), c]) for c in take], axis=1)
    counts = np.zeros((3, BINS), np.int64)
    count(values, rows, take, edges, counts)
    for j, c in enumerate(take):
        x = values[rows, c].astype(np.float32)
        places = np.searchsorted(edges[:, j], x[~np.isnan(x)])
        assert counts[j, : EDGES + 1].tolist() == np.bincount(places, minlength=EDGES + 1).tolist()
        assert counts[j, EDGES + 1] == np.isnan(x).sum()


def test_rows_are_drawn_alike_however_they_are_cut() -> None:
    rows = np.arange(10_000)
    whole = drawn(rows, 0, 4)
    pieces = np.concatenate([drawn(rows[k : k + 777], k, 4) for k in range(0, 10_000, 777)])
    assert (whole == pieces).all() and 0.24 < len(whole) / len(rows) < 0.26
    of_symbol = np.bincount(whole % 100, minlength=100)
    assert of_symbol.min() > 20 and of_symbol.max() < 30, "no symbol is left out"


@pytest.fixture(scope="module")
def shifted() -> tuple[Part, np.ndarray, list[tuple[object, ...]]]:
    data = panel(1)
    data[TRAINED + 200 : TRAINED + 500, :, 3] += 2.0
    values = data.reshape(-1, C)
    part = described(values)
    return part, values, plain(fed(term(part), values, LIVE * S))


@pytest.mark.parametrize("size", [1, 7, S, 31 * S, 200 * S + 5])
def test_findings_dont_depend_on_batches_or_on_a_resume(
    shifted: tuple[Part, np.ndarray, list[tuple[object, ...]]], size: int
) -> None:
    part, values, whole = shifted
    assert plain(fed(term(part), values, size)) == whole
    first, found, rows = term(part), list[Notice](), np.arange(TRAINED * S, len(values))
    nothing, time = np.zeros((len(rows), len(SAID))), times(len(values))[rows]
    for k in range(0, len(rows), max(size, S)):
        at = slice(k, k + max(size, S))
        found += first.add(values, rows[at], nothing[at], time[at])
        saved = copy.deepcopy(first.snapshot())
        first = term(part)
        first.restore(saved)
    assert plain(found) == whole


def test_an_alert_is_raised_once_and_cleared_once_and_names_the_column(
    shifted: tuple[Part, np.ndarray, list[tuple[object, ...]]],
) -> None:
    notices = [Notice(*notice) for notice in shifted[2]]
    changes = [notice.change for notice in notices if notice.change]
    assert changes[0] == "raised" and changes[-1] == "cleared" and set(changes[1:-1]) == {"persists"}
    raised = next(notice for notice in notices if notice.change == "raised")
    worst = raised.details["columns"][0]
    assert worst["name"] == "c3" and worst["above_median"] > 0.9 and worst["psi"] > worst["bound"]
    cleared = next(notice for notice in notices if notice.change == "cleared")
    assert cleared.details["since"] == raised.time < cleared.time


def test_ordinary_windows_are_quiet() -> None:
    """Rows hang together in time and across symbols, and twenty columns are looked at. 290 windows."""
    notices = [notice for seed in range(10) for notice in watched(seed)]
    assert len(notices) == 290
    assert sum(notice.ratio > 1.2 for notice in notices) <= 9
    assert sum(notice.change == "raised" for notice in notices) == 0


@pytest.mark.parametrize(
    ("what", "shift"), [("a standard deviation", lambda x: x + 1), ("silence", lambda x: x * np.nan)]
)
def test_planted_drift_is_told_within_two_windows(what: str, shift: Shift) -> None:
    for seed in range(3):
        assert [notice.change for notice in watched(seed, shift)[:2]] == ["", "raised"], (what, seed)


def test_too_little_history_has_no_reference() -> None:
    values = panel(2, 299).reshape(-1, C)
    assert describe(COLUMNS, values, np.arange(299 * S), range(C), times(299 * S)) is None


def test_a_verdict_persists_and_doesnt_flap() -> None:
    verdict = Verdict(1.0, 2, 3)
    ratios = [2, 0.5, 2, 2, 2, 2, 2, 0.9, 2, 0.5, 0.9, 0.5, 0.5, 2, 2]
    assert [verdict.look(k * 60 * SECOND, ratio) for k, ratio in enumerate(ratios, 1)] == [
        "", "", "", "raised", "", "", "persists", "", "", "persists", "", "", "cleared", "", "raised",
    ]  # fmt: skip
    quick = Verdict(1.0, 1, 3)
    assert [quick.look(60 * SECOND + k, 2.0 * (k % 2)) for k in range(4)] == ["", "raised", "", ""], "a minute apart"


def test_a_version_has_its_reference_and_its_own_market_is_no_drift(registry: Registry, tmp_path: Path) -> None:
    version = "small_20240102_030405"
    reference = read_reference(registry.path(version))
    assert reference is not None and reference.features is not None
    assert set(reference.features.names) <= set(NAMES)
    assert reference.predictions is None, "a hundred bar times out of fold don't say what is ordinary"
    sometimes = next(column for column in reference.features.columns if column.name == "sometimes")
    assert sometimes.undefined == pytest.approx(0.2, abs=0.01) and sometimes.deviation == pytest.approx(1, abs=0.05)
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu")
    chosen = Decision(0, DecisionKind.ACTIVATE, version, "1s")
    station = Inference(engine, parse_timeframes("1s"), registry, decisions=[chosen], decide=False)
    market = make_market(8, 900, planted=0.4, seed=31)
    batch = station.step(Batch(1, bars=market.bars, features=market.rows))
    (p,) = batch.predictions
    notices = list(Term(version, reference, NAMES, RULE).add(market.rows.values, p.row, said(p), p.time))
    assert {notice.part for notice in notices} == {"features"}
    assert all(notice.change == "" for notice in notices)
    assert read_reference(tmp_path) is None
    (tmp_path / FILE).write_text('{"features":')
    with pytest.raises(ValueError, match=r"drift\.json can't be read .* train the version again"):
        read_reference(tmp_path)
