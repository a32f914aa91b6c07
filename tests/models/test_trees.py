from __future__ import annotations

import json
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost

from models.architectures import lightgbm as of_lightgbm
from models.architectures import xgboost as of_xgboost
from models.config import TreesConfig
from models.labels import Float32
from models.progress import Step
from models.trees.flat import Forest, parse_forest, split_gains, walk
from models.trees.two_stages import Picked

RANDOM = np.random.default_rng(8)
X = RANDOM.standard_normal((3000, 6)).astype(np.float32)
X[:, 2] = np.round(X[:, 2])
Y = X[:, 0] + np.exp(0.5 * X[:, 1]) * RANDOM.standard_normal(3000)


def quiet(step: Step) -> None:
    """Take progress and say nothing."""


LIBRARIES: dict[str, Any] = {"lightgbm": of_lightgbm, "xgboost": of_xgboost}
both_libraries = pytest.mark.parametrize("library", LIBRARIES)


def fit(library: str, trees: int = 40, leaves: int = 15) -> tuple[str, str]:
    config = TreesConfig(mean_trees=trees, variance_trees=trees, learning_rate=0.1, least_rows_a_leaf=20, leaves=leaves)
    texts: tuple[str, str] = LIBRARIES[library].fit_trees(
        (Picked(X, np.arange(2000)), Picked(X, np.arange(2000, 3000))), (Y[:2000], Y[2000:]), config, 1, 1, quiet
    )
    return texts


def predicted(library: str, text: str) -> Float32:
    """Return what the library itself says, in its own precision."""
    if library == "lightgbm":
        return lightgbm.Booster(model_str=text).predict(X, raw_score=True, num_threads=1)
    booster = xgboost.Booster()
    booster.load_model(bytearray(text.encode()))
    return booster.predict(xgboost.DMatrix(X), output_margin=True)


def slow(forest: Forest, x: Float32) -> Float32:
    """Walk from node to node, as one would write it."""
    out = np.full(len(x), forest.base, forest.leaf.dtype)
    for k, row in enumerate(x):
        for root in forest.root:
            node = root
            while node >= 0:
                node = (forest.left if row[forest.feature[node]] <= forest.threshold[node] else forest.right)[node]
            out[k] += forest.leaf[~node]
    return out


@both_libraries
@pytest.mark.parametrize("leaves", [15, 32, 60])  # 60: too many to number in a mask
def test_the_walk_gives_the_librarys_bits(library: str, leaves: int) -> None:
    for text in fit(library, leaves=leaves):
        forest, expected = parse_forest(text), predicted(library, text)
        assert (forest.ranks is None) == (leaves == 60)
        np.testing.assert_array_equal(walk(forest, X), expected)
        assert len(np.unique(expected)) > 50


@both_libraries
def test_values_on_a_threshold_go_where_the_library_sends_them(library: str) -> None:
    forest = parse_forest(fit(library)[0])
    x = np.zeros((len(forest.threshold), X.shape[1]), np.float32)
    for k, (feature, threshold) in enumerate(zip(forest.feature, forest.threshold, strict=True)):
        x[k, feature] = threshold
        x[k, (feature + 1) % X.shape[1]] = np.nextafter(np.float32(threshold), np.float32(np.inf))
    np.testing.assert_array_equal(walk(forest, x), slow(forest, x))


@both_libraries
def test_a_row_does_not_see_its_neighbours(library: str) -> None:
    forest = parse_forest(fit(library)[0])
    whole = walk(forest, X)
    for size in (1, 7, 8, 65):
        np.testing.assert_array_equal(
            np.concatenate([walk(forest, X[k : k + size]) for k in range(0, 200, size)])[:200], whole[:200]
        )
    np.testing.assert_array_equal(walk(forest, X[::-1].copy())[::-1], whole)


@both_libraries
def test_gains_name_the_columns_that_matter(library: str) -> None:
    mean, log_variance = (split_gains(text, X.shape[1]) for text in fit(library, 100))
    assert mean.argmax() == 0
    assert log_variance.argmax() == 1
    assert (mean >= 0).all()


def test_trees_of_one_leaf_are_walked() -> None:
    x, y = np.zeros((200, 2), np.float32), np.full(200, 0.25)
    booster = lightgbm.train({"verbosity": -1, "use_missing": False}, lightgbm.Dataset(x, y), 2)
    forest = parse_forest(booster.model_to_string())
    np.testing.assert_array_equal(walk(forest, x), booster.predict(x, raw_score=True))
    stump = xgboost.train({"verbosity": 0, "max_depth": 1}, xgboost.DMatrix(x, y), 2)
    np.testing.assert_array_equal(
        walk(parse_forest(bytes(stump.save_raw("json")).decode()), x), stump.predict(xgboost.DMatrix(x))
    )


@both_libraries
def test_mean_and_variance_are_learned(library: str) -> None:
    mean, log_variance = (walk(parse_forest(text), X) for text in fit(library, 100))
    assert np.corrcoef(mean, X[:, 0])[0, 1] > 0.85
    assert np.corrcoef(log_variance, X[:, 1])[0, 1] > 0.85
    assert np.mean(np.exp(log_variance - X[:, 1])) == pytest.approx(1, abs=0.25)


@both_libraries
def test_fitting_twice_gives_the_same_trees(library: str) -> None:
    assert fit(library, 10) == fit(library, 10)


def test_trees_with_missing_values_are_refused() -> None:
    x = X.copy()
    x[::3, 0] = np.nan
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(x, Y), 3)
    with pytest.raises(ValueError, match="missing values"):
        parse_forest(booster.model_to_string())
    with pytest.raises(ValueError, match="no tree in the text"):
        parse_forest("tree\nversion=v4\n")
    with pytest.raises(ValueError, match="no XGBoost model in JSON"):
        parse_forest('{"learner": {}}')
    model = json.loads(fit("xgboost", 2)[0])
    model["learner"]["objective"]["name"] = "rank:pairwise"
    with pytest.raises(ValueError, match="objective 'rank:pairwise'; expected reg:squarederror or reg:gamma"):
        parse_forest(json.dumps(model))
