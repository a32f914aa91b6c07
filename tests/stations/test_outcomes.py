"""The outcomes station: rows, scores and promotions don't depend on how the stream was cut, nor on a resume."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.stations.outcomes import OutcomeStation
from models.evaluation.calibration import class_of
from models.labels import label
from schema.bars import Bars, take_bars, zero_bars
from schema.outcomes import OUTCOME
from schema.predictions import Predictions
from schema.timeframes import SECOND, parse_timeframe
from tests.models.test_outcomes import predicted

START, H, N, S = 1_700_000_000 * SECOND, 4, 400, 3
FRAME = parse_timeframe("1s")


def quiet(seed: int) -> Bars:
    """N bars of S symbols, none of them missing, within one session."""
    bars = zero_bars(N * S)
    t, s = np.divmod(np.arange(N * S), S)
    moves = np.random.default_rng(seed).standard_normal((N, S))
    bars.time[:], bars.symbol[:], bars.sequence[:] = START + (t + 1) * SECOND, s, t
    bars.mid[:] = bars.close[:] = 100 * np.exp(1e-3 * np.cumsum(moves, axis=0)).ravel()
    bars.session_open[:], bars.session_close[:] = START, START + 10**6 * SECOND
    return bars


BARS = quiet(5)
TRUE = class_of(label(BARS, H, FRAME).returns[:, H - 1].astype(np.float64) / 2e-3)


def says(version: str, weight: float, *, challenger: bool) -> Predictions:
    """Probabilities that lean towards what will happen, by `weight`: a forecaster that knows more than it could."""
    made = predicted(np.random.default_rng(9), BARS, H)
    made = replace(made, model_version=version, challenger=challenger, served=not challenger)
    made.unit = np.full(len(made.row), 2e-3)
    p = (1 - weight) / 3 + weight * np.eye(3)[TRUE[made.row]]
    made.p_down, made.p_sideways, made.p_up = p.T.copy()
    return made


SPOKEN = (
    says("old", 0.0, challenger=False), says("twin", 0.0, challenger=True), says("better", 0.3, challenger=True),
)  # fmt: skip


def only(spoken: Predictions, seconds: range) -> Predictions:
    """What a version said within some seconds of the market."""
    return spoken.part(np.isin(spoken.row // S, seconds), served=spoken.served, challenger=spoken.challenger)


def batch_of(number: int, begin: int, end: int, spoken_of: Sequence[Predictions] = SPOKEN) -> Batch:
    batch = Batch(number, bars=take_bars(BARS, slice(begin, end)), last=end == len(BARS.time))
    for spoken in spoken_of:
        part = spoken.part(
            (begin <= spoken.row) & (spoken.row < end), served=spoken.served, challenger=spoken.challenger
        )
        part.row = part.row - begin
        if len(part.row):
            (batch.predictions if part.served else batch.shadows).append(part)
    return batch


class Promotions(list[tuple[str, int, Mapping[str, Any]]]):
    """Takes every promotion down, and lets it be once."""

    def __call__(self, batch: Batch, timeframe: str, version: str, why: Mapping[str, Any]) -> bool:
        self.append((version, int(batch.bars.time[-1]), why))
        return True


def run(
    size: int, resumes: bool = False, promotes: bool = False, spoken: Sequence[Predictions] = SPOKEN
) -> tuple[Any, Any, Promotions]:
    asked = Promotions()

    def fresh() -> OutcomeStation:
        return OutcomeStation([FRAME], asked, every_s=30.0, level=0.05, promotes=promotes)

    station, outcomes, scores = fresh(), dict[str, list[np.ndarray]](), []
    for number, begin in enumerate(range(0, N * S, size), 1):
        batch = station.step(batch_of(number, begin, min(begin + size, N * S), spoken))
        for found in batch.outcomes:
            outcomes.setdefault(found.version, []).append(found.rows)
        scores += batch.scores
        if resumes:
            snapshot, station = copy.deepcopy(station.snapshot()), fresh()
            station.restore(snapshot)
    return {v: np.concatenate(parts).tobytes() for v, parts in outcomes.items()}, scores, asked


@pytest.fixture(scope="module")
def whole() -> tuple[Any, Any, Promotions]:
    return run(N * S)


@pytest.mark.parametrize("size", [S, 1, 7, 91 * S, 500])
@pytest.mark.parametrize("resumes", [False, True])
def test_rows_and_scores_are_the_same_however_the_stream_was_cut(
    whole: tuple[Any, Any, Promotions], size: int, resumes: bool
) -> None:
    found = run(size, resumes)
    assert found[0] == whole[0]
    assert sorted(found[1], key=lambda s: (s.time, s.version)) == sorted(whole[1], key=lambda s: (s.time, s.version))


@pytest.mark.parametrize("size", [S, 7, 91 * S, N * S])
def test_one_that_comes_late_or_comes_back_loses_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In large batches scores are due before its first row: it has nothing to show, and isn't forgotten for it."""
    monkeypatch.setattr("dataflows.stations.outcomes.IDLE", 60 * SECOND)
    champion, twin, better = SPOKEN
    late, back = only(twin, range(137, N)), only(better, range(40))
    again = only(better, range(233, N))
    outcomes, scores, _ = run(size, spoken=(champion, late, back, again))
    rows = {version: len(found) // OUTCOME.itemsize for version, found in outcomes.items()}
    n_late, n_back, n_again = (int((part.row // S < N - H).sum()) for part in (late, back, again))
    assert rows["twin"] == n_late
    assert rows["better"] == n_back + n_again
    last = {score.version: score for score in scores}
    assert last["twin"].predictions == n_late
    assert last["better"].predictions == n_again, "it was forgotten, and begins anew"


def test_scores_come_at_full_half_minutes_and_at_the_end(whole: tuple[Any, Any, Promotions]) -> None:
    _, scores, asked = whole
    times = sorted({score.time for score in scores})
    assert all(time % (30 * SECOND) == 0 for time in times[:-1])
    assert times[-1] == int(BARS.time[-1])
    last = {score.version: score for score in scores if score.time == times[-1]}
    assert last["better"].brier < last["old"].brier == last["twin"].brier
    assert (last["old"].e_value, last["twin"].e_value) == (None, 1.0)
    assert last["better"].e_value > last["better"].e_needed == 40.0
    assert last["twin"].e_needed == 120.0
    assert asked == [], "nobody is promoted where that is off"


def test_only_the_one_that_is_better_is_promoted() -> None:
    _, scores, asked = run(S, promotes=True)
    version, time, why = asked[0]
    assert {name for name, _, _ in asked} == {"better"} == {version}
    assert why["log_e"] >= np.log(why["e_needed"]) == np.log(40.0)
    shown = [s for s in scores if s.version == "better" and s.e_value is not None and s.e_value >= 40.0]
    assert time - 30 * SECOND <= min(s.time for s in shown) <= time + 31 * SECOND


def test_a_checkpoint_without_a_timeframe_begins_with_nothing_open() -> None:
    station = OutcomeStation([FRAME], Promotions())
    station.restore({})
    assert station.step(batch_of(1, 0, S)).outcomes == []
