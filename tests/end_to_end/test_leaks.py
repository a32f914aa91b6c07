"""The leak detector: the pipeline that users train with is clean, and each leak planted into it is found and named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.assessment import assessment
from models.backtest.ground import Ground
from models.config import TrainingConfig
from models.data import folds, problem
from models.data.dataset import Dataset
from models.evaluation.scoring import Forecast, Outcome
from models.leaks.detector import Found, Market, Replay, chance_of_directions, detect, holm
from models.leaks.market import SyntheticBars, make_bars
from ops.commands.judged import replayed
from ops.commands.leaks import sized, write_bars
from ops.drain import Drain
from ops.settings import load
from ops.train_settings import configuration

MARKET = Market(symbols=6, bars=900, information=0.2, seed=1)
SETTINGS = load(
    [], ["bars.timeframes=1d", "train.preset=quick", "train.epochs=8", "train.columns=24",
         "features.families=technical,statistical,microstructure"], {}, {},
)  # fmt: skip


class Replayer:
    """Replays each market once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._known = folder, dict[bytes, tuple[Dataset, Ground]]()

    def __call__(self, bars: SyntheticBars) -> tuple[Dataset, Ground]:
        key = bars.close.tobytes()
        if key not in self._known:
            past = replayed(SETTINGS, [write_bars(bars, self._folder / "bars.parquet")], True, Drain())
            self._known[key] = past.dataset, past.ground
        return self._known[key]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Replay:
    return Replayer(tmp_path_factory.mktemp("leaks"))


def config_of(model: str) -> TrainingConfig:
    return sized(configuration(SETTINGS, None, model), MARKET.bars)


def found(replay: Replay, *models: str) -> dict[str, Found]:
    return {one.model: one for one in detect(replay, {model: config_of(model) for model in models}, MARKET)}


def test_nothing_of_the_future_reaches_a_forecast(replay: Replay) -> None:
    for one in found(replay, "lightgbm", "gru").values():
        assert one.leaks == () and one.fork == ""
        assert 0.3 < one.share <= 1.2 and one.knowable > 0.3


def smuggled(bars: SyntheticBars, dataset: Dataset) -> Dataset:
    """A column that has the label in it beside what belongs there, as one does that is computed too late."""
    values = dataset.values.copy()
    values[:, dataset.columns.index("rsi_14")] += 3_000 * np.nan_to_num(dataset.returns[:, 4])
    return replace(dataset, values=values)


def test_a_return_of_the_future_in_a_column_is_found(replay: Replay) -> None:
    def leaking(bars: SyntheticBars) -> tuple[Dataset, Ground]:
        dataset, ground = replay(bars)
        return smuggled(bars, dataset), ground

    one = found(leaking, "lightgbm")["lightgbm"]
    assert "column rsi_14 knows what comes later" in one.fork
    assert one.p_direction < 1e-4 and any("of the directions right" in leak for leak in one.leaks)


def without_purge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folds, "label_ends", lambda dataset, horizon: np.zeros(len(dataset.time), np.int64))
    monkeypatch.setattr(problem, "MaskedLabels", lambda dataset, fold: lambda part: dataset.returns[part])


def scaled_over_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = problem.fit_columns
    monkeypatch.setattr(problem, "fit_columns", lambda data, fit, later: honest(data, np.arange(len(data.time)), later))


def chosen_on_the_test_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = problem.choose

    def choose(data: Dataset, columns: Any, fit: Any, y: Any, most: int) -> Any:
        rows = np.flatnonzero(data.eligible)
        return honest(data, columns, rows, np.nan_to_num(data.returns[rows, 4].astype(np.float64)), most)

    monkeypatch.setattr(problem, "choose", choose)


@pytest.mark.parametrize("plant", [without_purge, scaled_over_all_rows, chosen_on_the_test_rows])
def test_training_that_looks_ahead_is_found(
    replay: Replay, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    plant(monkeypatch)
    one = found(replay, "lightgbm")["lightgbm"]
    assert "training looks ahead" in one.fork
    assert one.leaks[0].startswith("fork: the columns are the same and the ") and "lightgbm differs" in one.fork


def test_a_pipeline_that_finds_nothing_is_found(replay: Replay) -> None:
    """Columns that say nothing: neither the fork nor the martingale would mind."""

    def blind(bars: SyntheticBars) -> tuple[Dataset, Ground]:
        dataset, ground = replay(bars)
        values = np.random.default_rng(3).standard_normal(dataset.values.shape).astype(np.float32)
        values[:, dataset.columns.index("reference_volatility_60")] = dataset.sigma
        return replace(dataset, values=values), ground

    one = found(blind, "lightgbm")["lightgbm"]
    assert one.fork == "" and len(one.leaks) == 1
    assert one.leaks[0].startswith("planted:") and "expected 30% or more" in one.leaks[0]


def test_the_fork_is_the_same_market_until_there() -> None:
    ours, theirs = make_bars(4, 300, 0.0, 5), make_bars(4, 300, 0.0, 5, fork=200)
    for name in ("open", "high", "low", "close", "volume"):
        a, b = getattr(ours, name), getattr(theirs, name)
        np.testing.assert_array_equal(a[:201], b[:201])
        assert (a[202:] != b[202:]).all()


def test_the_markets_keep_their_law() -> None:
    """A martingale's returns don't depend on its past; a planted market's do, as much as it says."""
    for information in (0.0, 0.2):
        bars = make_bars(20, 4000, information, 3)
        unit = np.diff(np.log(bars.close), axis=0) / bars._sigma[1:, None]
        slope = np.sum(bars._state[:-1] * unit) / np.sum(bars._state[:-1] ** 2)
        assert slope == pytest.approx(information, abs=0.02)
        assert (bars.high >= np.maximum(bars.open, bars.close)).all() and (bars.low <= bars.close).all()
        returns = np.log(bars.close[5:] / bars.close[:-5])
        said = bars.foretold(5)[:-5]
        if information:
            assert np.sum(said * returns) / np.sum(said**2) == pytest.approx(1, abs=0.15)


def test_chance_is_as_rare_as_it_says(replay: Replay) -> None:
    """Labels overlap, symbols move together, tails are fat, forecasts persist: p is uniform all the same."""
    random, h, n = np.random.default_rng(1), 5, 400
    dataset = replay(make_bars(MARKET.symbols, MARKET.bars, 0.0, 1))[0]
    time, chances = np.repeat(np.arange(n), 3), []
    for _ in range(1000):
        steps = random.standard_t(4, (n + h, 1)) + random.standard_t(4, (n + h, 3))
        y = np.stack([steps[k + 1 : k + 1 + h].sum(axis=0) for k in range(n)]) / np.sqrt(4 * h)
        said = np.repeat(random.choice([-1.0, 1.0], (n // 10, 3)), 10, axis=0).ravel()
        outcome = Outcome(time, y.ravel(), np.ones(3 * n))
        tested = assessment.Tested(dataset, np.arange(3 * n), outcome, {"x": Forecast(said)}, h)
        chances.append(chance_of_directions(tested)[0])
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(np.array(chances) < 0.01) == pytest.approx(0.01, abs=0.009)
    assert np.mean(chances) == pytest.approx(0.5, abs=0.03)


def test_holms_procedure_stops_at_the_first_that_holds() -> None:
    assert holm([0.001, 0.9, 0.004], 0.01) == [True, False, True]
    assert holm([0.004, 0.004, 0.9], 0.01) == [False, False, False]
