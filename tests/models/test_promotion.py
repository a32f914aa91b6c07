"""The promotion rule keeps its level under the null, promotes under an edge, and doesn't see how the stream was cut."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.champion.promotion import BOUND, Contest, EProcess
from models.champion.scores import Scores
from schema.outcomes import OUTCOME, Outcomes
from schema.timeframes import SECOND, parse_timeframe

LEVEL = 0.05
FRAME = parse_timeframe("1s")
START = 1_700_000_000 * SECOND


def promoted(differences: np.ndarray, needed: float) -> np.ndarray:
    """Whether each of the runs (runs, n) ever reaches what is needed."""
    reached = []
    for run in differences.tolist():
        process = EProcess()
        for difference in run:
            process.add(difference)
        reached.append(process.most >= math.log(needed))
    return np.array(reached)


def nulls(random: np.random.Generator, kind: str, shape: tuple[int, int]) -> np.ndarray:
    """Differences whose mean, given the past, is never above 0."""
    if kind == "normal":
        return np.clip(0.2 * random.standard_normal(shape), -1, 1)
    if kind == "skewed":  # rare large losses pay for frequent small gains
        return np.where(random.random(shape) < 0.1, -0.9, 0.1)
    if kind == "lucky":  # rare large gains pay for frequent small losses
        return np.where(random.random(shape) < 0.1, 0.9, -0.1)
    volatile = np.where(np.arange(shape[1]) // 50 % 2, 0.02, 0.5)  # calm and wild spells
    return volatile * np.sign(random.standard_normal(shape))


@pytest.mark.parametrize("kind", ["normal", "skewed", "lucky", "spells"])
def test_under_the_null_the_level_is_kept_however_often_one_looks(kind: str) -> None:
    runs = 2_000
    rate = promoted(nulls(np.random.default_rng(11), kind, (runs, 400)), 1 / LEVEL).mean()
    assert rate <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


def test_the_level_is_shared_by_all_that_challenge_a_champion() -> None:
    """Five nulls after another against one champion: any of them wins with at most the level's probability."""
    random, runs = np.random.default_rng(12), 1_000
    wins = np.zeros(runs, bool)
    for k in range(1, 6):
        wins |= promoted(nulls(random, "lucky", (runs, 300)), k * (k + 1) / LEVEL)
    assert wins.mean() <= LEVEL + 3 * math.sqrt(LEVEL / runs)


def test_an_edge_is_found() -> None:
    random = np.random.default_rng(13)
    edge = np.clip(0.03 + 0.15 * random.standard_normal((200, 2_000)), -1, 1)
    assert promoted(edge, 2 / LEVEL).mean() > 0.95
    assert promoted(-edge, 2 / LEVEL).mean() == 0


def test_a_bet_is_made_before_the_difference_is_seen() -> None:
    """The product itself, with bets recomputed from the differences before each: an oracle of three lines."""
    d = np.clip(0.1 + 0.3 * np.random.default_rng(14).standard_normal(60), -1, 1)
    process = EProcess()
    for difference in d.tolist():
        process.add(difference)
    log_e = 0.0
    for t in range(len(d)):
        means = np.array([d[: i + 1].sum() / (i + 2) for i in range(t)])
        mean, variance = d[:t].sum() / (t + 1), (0.25 + ((d[:t] - means) ** 2).sum()) / (t + 1)
        log_e += math.log(1 + min(max(mean / (variance + mean**2), 0.0), 0.9) * d[t])
    assert process.log_e == pytest.approx(log_e, rel=1e-12)


def outcomes(version: str, challenger: bool, times: np.ndarray, briers: np.ndarray, symbol: np.ndarray) -> Outcomes:
    rows = np.zeros(len(times), OUTCOME)
    rows["time"], rows["brier"], rows["symbol"], rows["label"] = times, briers, symbol, 1
    rows["known_at"], rows["challenger"] = times + 3 * SECOND, challenger
    return Outcomes(0, version, 3, rows)


def run_contest(cuts: list[int], resumes: bool = False) -> Contest:
    """Two challengers over 300 bar times of four symbols, the first of them better by 0.1."""
    random, contest = np.random.default_rng(15), Contest(FRAME)
    times, symbols = np.repeat(START + SECOND * np.arange(300), 4), np.tile(np.arange(4), 300)
    base = random.uniform(0.4, 0.9, len(times))
    sides = {
        "old": (False, base), "better": (True, base - 0.1 + 0.1 * random.standard_normal(len(times))),
        "same": (True, base + 0.1 * random.standard_normal(len(times))),
    }  # fmt: skip
    for begin, end in zip([0, *cuts], [*cuts, len(times)], strict=True):
        for version, (challenger, briers) in sides.items():
            part = slice(begin, end)
            contest.add(outcomes(version, challenger, times[part], briers[part], symbols[part]))
        contest.close(int(times[end - 1]) + 3 * SECOND - 1)
        if resumes:
            snapshot, contest = contest.snapshot(), Contest(FRAME)
            contest.restore(snapshot)
    contest.close(int(times[-1]) + 4 * SECOND)
    return contest


def test_one_bar_time_in_h_is_kept_and_its_symbols_count_as_one() -> None:
    contest = run_contest([])
    assert list(contest.duels) == ["better", "same"]
    assert {duel.n for duel in contest.duels.values()} == {100}
    assert (contest.needed("better", LEVEL), contest.needed("same", LEVEL)) == (2 / LEVEL, 6 / LEVEL)
    winner = contest.winner(LEVEL)
    assert winner is not None
    assert winner[0] == "better"


def test_evidence_does_not_depend_on_batches_or_resumes() -> None:
    expected = run_contest([]).duels
    for cuts in ([4], [40, 44, 444], list(range(4, 1200, 4)), [1, 2, 3, 7, 601]):
        assert run_contest(cuts).duels == expected
        assert run_contest(cuts, resumes=True).duels == expected


def test_a_new_champion_meets_its_challengers_anew() -> None:
    contest = run_contest([])
    later = np.array([START + 601 * SECOND])  # a kept one
    contest.add(outcomes("better", False, later, np.array([0.5]), np.array([0])))
    contest.add(outcomes("same", True, later, np.array([0.5 - BOUND]), np.array([0])))
    contest.close(int(later[0]) + 9 * SECOND)
    assert contest.champion == "better"
    assert [(version, duel.n, duel.total) for version, duel in contest.duels.items()] == [("same", 1, 1.0)]


def test_the_interval_of_the_accuracy_covers_the_truth_though_labels_overlap() -> None:
    """Signs that agree within blocks of a horizon and over symbols: 95 % intervals cover about so often."""
    random, truth, covered, widths = np.random.default_rng(16), 0.55, 0, []
    runs = 300
    for _ in range(runs):
        right = np.repeat(random.random(200) < truth, 5 * 4)  # 200 independent stretches of 5 bars, 4 symbols alike
        rows = np.zeros(len(right), OUTCOME)
        rows["time"] = START + SECOND * np.repeat(np.arange(1_000), 4)
        rows["known_at"], rows["unit"], rows["label"] = rows["time"] + 5 * SECOND, 1.0, 2
        rows["expected"], rows["realised"] = 1.0, np.where(right, 1.0, -1.0)
        scores = Scores(FRAME, 5)
        scores.add(rows)
        _, low, high = scores.accuracy()
        assert low is not None and high is not None
        covered += low <= truth <= high
        widths.append(high - low)
    assert 0.88 <= covered / runs <= 0.99
    assert np.mean(widths) > 3 * 2 * 1.96 * math.sqrt(truth * (1 - truth) / 4_000), "as if rows were independent"


def test_scores_are_those_of_the_rows_and_do_not_depend_on_cuts() -> None:
    random = np.random.default_rng(17)
    n = 3_000
    rows = np.zeros(n, OUTCOME)
    rows["time"] = START + SECOND * np.sort(random.integers(0, 2_000, n))
    rows["known_at"], rows["unit"] = rows["time"] + 5 * SECOND, random.uniform(0.5, 2, n)
    rows["label"] = random.integers(-1, 3, n)
    rows["expected"] = random.standard_normal(n)
    rows["realised"] = np.where(rows["label"] < 0, np.nan, np.round(rows["expected"] + random.standard_normal(n), 1))
    rows["brier"], rows["log_loss"] = random.random(n), random.random(n)
    whole, cut = Scores(FRAME, 5), Scores(FRAME, 5)
    whole.add(rows)
    for part in np.split(rows, [1, 5, 77, 1_500]):
        cut.add(part)
        snapshot = {name: array.copy() for name, array in cut.snapshot().items()}
        cut = Scores(FRAME, 5)
        cut.restore(snapshot)
    row = whole.score(START, 0, "v", 5, False)
    assert cut.score(START, 0, "v", 5, False) == row
    there = rows[rows["label"] >= 0]
    x, y = there["expected"] / there["unit"], np.clip(there["realised"] / there["unit"], -8, 8)
    signed = there[(there["realised"] != 0)]
    hits = np.sign(signed["realised"]) == np.sign(signed["expected"])
    assert (row.predictions, row.labelled, row.directional) == (n, len(there), len(signed))
    expected = [hits.mean(), there["brier"].mean(), there["log_loss"].mean(), np.corrcoef(x, y)[0, 1]]
    found = [row.accuracy, row.brier, row.log_loss, row.information_coefficient]
    np.testing.assert_allclose(np.array(found, float), expected, rtol=1e-9)
