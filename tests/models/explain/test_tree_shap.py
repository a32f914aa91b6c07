"""TreeSHAP of both libraries against Shapley values by their definition, and its additivity to the margin."""

from __future__ import annotations

import json

import lightgbm
import numpy as np
import pytest

from models.architectures import lightgbm as grow_lightgbm
from models.architectures import xgboost as grow_xgboost
from models.config import TreesConfig
from models.explain.tree_shap import tree_shap
from models.progress import silent
from models.trees.flat import parse_forest, walk
from models.trees.two_stages import Picked
from tests.models.explain.shapley_oracle import Node, expectation, lightgbm_trees, shapley, xgboost_trees

N = 5
GROW = {"lightgbm": grow_lightgbm.fit_trees, "xgboost": grow_xgboost.fit_trees}


@pytest.fixture(scope="module", params=sorted(GROW))
def text(request: pytest.FixtureRequest) -> str:
    random = np.random.default_rng(3)
    x = random.standard_normal((600, N)).astype(np.float32)
    y = x[:, 0] * (x[:, 1] > 0) + 0.5 * np.abs(x[:, 2]) + 0.1 * random.standard_normal(600) + 3.0
    config = TreesConfig(request.param, 8, 4, leaves=7, learning_rate=0.3, least_rows_a_leaf=10)
    mean, _ = GROW[request.param](
        (Picked(x, np.arange(450)), Picked(x, np.arange(450, 600))), (y[:450], y[450:]), config, 5, 1,
        silent,
    )  # fmt: skip
    return mean


def trees_of(text: str) -> list[Node]:
    return xgboost_trees(text) if text.startswith("{") else lightgbm_trees(lightgbm.Booster(model_str=text))


def base_of(text: str) -> float:
    if not text.startswith("{"):
        return 0.0
    return float(json.loads(text)["learner"]["learner_model_param"]["base_score"].strip("[]"))


def test_contributions_are_the_shapley_values_of_their_definition(text: str) -> None:
    trees = trees_of(text)
    for x in np.random.default_rng(4).standard_normal((6, N)).astype(np.float32):
        found = tree_shap(text, x)
        value = lambda known, x=x: sum(expectation(tree, x, known) for tree in trees)  # noqa: E731
        np.testing.assert_allclose(found.parts, shapley(value, N), rtol=1e-4, atol=2e-6)
        assert found.base == pytest.approx(value(frozenset()) + base_of(text), rel=1e-5)
        assert np.abs(found.parts).max() > 0.05, "the model must not be trivial"


def test_contributions_add_up_to_the_margin_that_is_served(text: str) -> None:
    for x in np.random.default_rng(5).standard_normal((50, N)).astype(np.float32):
        found = tree_shap(text, x)
        assert found.output == walk(parse_forest(text), x[None])[0]
        assert found.base + found.parts.sum() == pytest.approx(found.output, rel=1e-5, abs=1e-6)
