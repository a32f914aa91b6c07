from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from models.architectures.lightgbm import fit_trees
from models.config import TreesConfig
from models.trees import parse_forest, walk

RANDOM = np.random.default_rng(8)
X = RANDOM.standard_normal((3000, 6)).astype(np.float32)
X[:, 2] = np.round(X[:, 2])
Y = X[:, 0] + np.exp(0.5 * X[:, 1]) * RANDOM.standard_normal(3000)


def quiet(text: str, share: float) -> None:
    """Take progress and say nothing."""


def fit(trees: int = 40) -> tuple[str, str]:
    config = TreesConfig(mean_trees=trees, variance_trees=trees, learning_rate=0.1, least_rows_a_leaf=20)
    return fit_trees((X[:2000], X[2000:]), (Y[:2000], Y[2000:]), config, 1, 1, quiet)


def test_the_walk_gives_lightgbms_bits() -> None:
    for text in fit():
        booster = lightgbm.Booster(model_str=text)
        expected = booster.predict(X, raw_score=True, num_threads=1)
        np.testing.assert_array_equal(walk(parse_forest(text), X), expected)
        assert len(np.unique(expected)) > 50


def test_a_row_does_not_see_its_neighbours() -> None:
    forest = parse_forest(fit()[0])
    whole = walk(forest, X)
    np.testing.assert_array_equal(np.concatenate([walk(forest, X[k : k + 1]) for k in range(50)]), whole[:50])
    np.testing.assert_array_equal(walk(forest, X[::-1].copy())[::-1], whole)


def test_trees_of_one_leaf_are_walked() -> None:
    x, y = np.zeros((200, 2), np.float32), np.full(200, 0.25)
    booster = lightgbm.train({"verbosity": -1, "use_missing": False}, lightgbm.Dataset(x, y), 2)
    forest = parse_forest(booster.model_to_string())
    np.testing.assert_array_equal(walk(forest, x), booster.predict(x, raw_score=True))


def test_mean_and_variance_are_learned() -> None:
    mean, log_variance = (walk(parse_forest(text), X) for text in fit(100))
    assert np.corrcoef(mean, X[:, 0])[0, 1] > 0.85
    assert np.corrcoef(log_variance, X[:, 1])[0, 1] > 0.85
    assert np.mean(np.exp(log_variance - X[:, 1])) == pytest.approx(1, abs=0.25)


def test_fitting_twice_gives_the_same_trees() -> None:
    assert fit(10) == fit(10)


def test_trees_with_missing_values_are_refused() -> None:
    x = X.copy()
    x[::3, 0] = np.nan
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(x, Y), 3)
    with pytest.raises(ValueError, match="missing values"):
        parse_forest(booster.model_to_string())
    with pytest.raises(ValueError, match="no tree in the text"):
        parse_forest("tree\nversion=v4\n")
