"""A served prediction taken apart: parts add up to what was served, weights are those of the vote, the cache holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.config import NetConfig, TrainingConfig, TreesConfig
from models.explain.cache import Asked, ExplanationFolder
from models.explain.prediction import NotExplained, explain
from models.explain.series import Series
from models.explain.shortened import shortened
from models.explain.vote import vote_of
from models.registry.bundle import Bundle
from models.registry.loaded import LoadedVersions
from models.registry.registry import Registry
from models.runs.training import train
from schema.predictions import Predictions
from tests.models.market import FINGERPRINTS, NAMES, TestMarket, make_dataset, make_market
from tests.models.test_inference import engine_of, run

SYMBOL = 1


def served_row(p: Predictions, k: int) -> dict[str, Any]:
    """A row of the table, of the k-th of some predictions."""
    members = {name: np.round(vote[k], 6).tolist() for name, vote in p.members.items()}
    probabilities = {f"p_{name}": float(getattr(p, f"p_{name}")[k]) for name in ("down", "sideways", "up")}
    return {
        "time": int(p.time[k]), "symbol": "BBB", "timeframe": "1s", "bar_sequence": int(p.bar_sequence[k]),
        "horizon": p.horizon, "model_version": p.model_version, "expected_return": float(p.expected_return[k]),
        "tier": str(p.tier), "members": msgspec.json.encode(members).decode(), **probabilities,
    }  # fmt: skip


def served_series(bundle: Bundle, market: TestMarket) -> Series:
    """What the engine said last of one symbol among others, and the rows up to then."""
    made = [p for p in run(engine_of(bundle), market, 7) if (p.symbol == SYMBOL).any()][-1]
    k = int(np.flatnonzero(made.symbol == SYMBOL)[-1])
    mine = np.flatnonzero((market.bars.symbol == SYMBOL) & (market.bars.time <= made.time[k]))
    return Series(NAMES, FINGERPRINTS, market.rows.values[mine], served_row(made, k), "the test")


def texts_of(registry: Registry, bundle: Bundle) -> dict[str, str]:
    folder = registry.path(bundle.metadata.version)
    return {name: (folder / bundle.metadata.members[name].files[0]).read_text() for name in bundle.trees}


@pytest.fixture(scope="module")
def series(bundle: Bundle) -> Series:
    return served_series(bundle, make_market(4, 150, planted=0.4, seed=3))


def test_parts_add_up_to_what_was_served(registry: Registry, bundle: Bundle, series: Series) -> None:
    found = explain(bundle, texts_of(registry, bundle), series)
    assert found.check.adds_up
    assert found.expected_return == pytest.approx(series.served["expected_return"], rel=1e-12)
    total = found.base_value + sum(part.contribution for part in found.contributions)
    assert total == pytest.approx(found.expected_return, abs=found.check.tolerance)
    assert found.notes == (), "the members, run again, say what was served"
    assert found.contributions[0].feature == "signal", "which alone tells of the next return"
    assert {m.method for m in found.members.values()} == {"tree_shap", "integrated_gradients"}
    assert sum(m.weight for m in found.members.values()) == pytest.approx(1.0)
    for part in found.contributions:
        value = series.values[-1, NAMES.index(part.feature)]
        assert part.value is None if np.isnan(value) else part.value == value
        assert part.sign == ("+" if part.contribution > 0 else "-" if part.contribution < 0 else "0")


@pytest.mark.parametrize("method", ["shapley", "lime"])
def test_other_methods_name_the_same_feature(registry: Registry, bundle: Bundle, series: Series, method: str) -> None:
    found = explain(bundle, texts_of(registry, bundle), series, method)
    assert found.contributions[0].feature == "signal"
    assert found == explain(bundle, texts_of(registry, bundle), series, method), "seeded"
    assert found.check.adds_up == (method == "shapley")
    assert bool(found.notes) == (method == "lime")


def test_a_feature_row_that_is_not_the_predictions_is_seen(registry: Registry, bundle: Bundle, series: Series) -> None:
    wrong = series.values.copy()
    wrong[-1, 0] += 1.0
    found = explain(bundle, texts_of(registry, bundle), replace(series, values=wrong))
    assert not found.check.adds_up
    assert "units from the served one" in found.notes[0]


def test_what_can_not_be_explained_says_why(registry: Registry, bundle: Bundle, series: Series) -> None:
    texts = texts_of(registry, bundle)
    lacking = series.values.copy()
    lacking[-1, 3] = np.nan
    served: Mapping[str, Any] = {**series.served, "tier": "stale"}
    for changed, said in (
        (replace(series, served=served), "repeats the one before"),
        (replace(series, values=lacking), "lacks a required column"),
        (replace(series, served={**series.served, "members": "{}"}), "voted"),
    ):
        with pytest.raises(NotExplained, match=said):
            explain(bundle, texts, changed)
    with pytest.raises(NotExplained, match="expected one of auto, shapley, lime"):
        explain(bundle, texts, series, "guess")
    with pytest.raises(ValueError, match=r"\['signal'\] are missing"):
        explain(bundle, texts, replace(series, names=("other", *NAMES[1:])))


def test_a_vote_that_follows_performance_and_a_window_are_explained(small: TrainingConfig, tmp_path: Path) -> None:
    net = NetConfig("gru_attention", {"hidden": 8, "window": 6, "heads": 2}, batch=256, epochs=1, learning_rate=1e-2)
    trees = TreesConfig("xgboost", 15, 5, learning_rate=0.15, least_rows_a_leaf=50)
    weights = {"gru_attention": 0.5, "xgboost": 0.5}
    config = replace(small, nets=(net,), trees=(trees,), weights=weights, vote="performance")
    registry = Registry(tmp_path)
    bundle = registry.load(train(make_dataset(make_market(3, 700, planted=0.4)), config, tmp_path))
    found = explain(bundle, texts_of(registry, bundle), served_series(bundle, make_market(4, 150, planted=0.4, seed=3)))
    assert found.check.adds_up and found.notes == ()
    assert found.members["xgboost"].weight != 0.5, "solved from what was served"
    (attention,) = found.members["gru_attention"].attention
    assert len(attention.weights) == 6


def test_weights_are_solved_for_or_said_to_be_unknown(bundle: Bundle) -> None:
    following = replace(bundle, metadata=msgspec.structs.replace(bundle.metadata, config={"vote": "dynamic"}))
    names = list(bundle.weights)
    votes = {names[0]: np.array([0.2, 0.5, 0.3]), names[1]: np.array([0.4, 0.3, 0.3])}
    means, truth = {names[0]: 0.4, names[1]: -0.1}, {names[0]: 0.3, names[1]: 0.7}
    served = sum(truth[n] * votes[n] for n in names)
    mean = sum(truth[n] * means[n] for n in names)
    weights, certain = vote_of(following, means, votes, served, mean)
    assert certain and weights == pytest.approx(truth, abs=1e-6)
    same = dict.fromkeys(names, 0.4)
    assert not vote_of(following, same, dict.fromkeys(names, served), served, 0.4)[1], "alike members tell nothing"
    assert not vote_of(following, means, votes, served, 5.0)[1], "no weights give that"


def test_the_folder_keeps_the_newest_and_knows_what_is_asked_for(tmp_path: Path) -> None:
    folder = ExplanationFolder(tmp_path / "kept", keep=2)
    asked = [Asked(f"1m:AAA:{k}:0:5:v", "auto") for k in range(3)]
    assert folder.get(asked[0]) is None and folder.waiting() == []
    for request in (asked[0], asked[0], asked[1]):
        folder.ask(request)
    assert sorted(r.prediction_id for r in folder.waiting()) == [asked[0].prediction_id, asked[1].prediction_id]
    folder.fail(asked[1], "no rows")
    assert (folder.failure(asked[1]), len(folder.waiting())) == ("no rows", 1)
    folder.ask(asked[1])
    assert folder.failure(asked[1]) is None, "it is tried again"
    for k, request in enumerate(asked):
        folder.put(request, {"k": k, "members": {}, "contributions": []})
        for path in (tmp_path / "kept").glob("*.json"):
            os.utime(path, ns=(path.stat().st_mtime_ns - 10**9,) * 2)
    assert [folder.get(r) is not None for r in asked] == [False, True, True]
    assert folder.get(replace_method(asked[1])) is None, "another method is another explanation"
    assert folder.waiting() == []


def replace_method(request: Asked) -> Asked:
    return msgspec.structs.replace(request, method="lime")


def test_the_others_are_summed_up(registry: Registry, bundle: Bundle, series: Series) -> None:
    full = msgspec.to_builtins(explain(bundle, texts_of(registry, bundle), series))
    short = shortened(full, 1)
    for whole, part in ((full, short), *((full["members"][n], short["members"][n]) for n in full["members"])):
        assert len(part["contributions"]) == 1
        assert part["others"]["features"] == len(whole["contributions"]) - 1
        total = part["contributions"][0]["contribution"] + part["others"]["contribution"]
        assert total == pytest.approx(sum(p["contribution"] for p in whole["contributions"]), abs=1e-15)


def test_versions_stay_loaded_until_they_are_old_or_too_many(registry: Registry) -> None:
    now = [0.0]
    kept = LoadedVersions(registry, size=1, ttl_s=10, clock=lambda: now[0])
    first, second = (m.version for m in registry.list())
    one = kept.load(first)
    now[0] = 9.0
    assert kept.load(first) is one
    now[0] = 10.0
    assert kept.load(first) is not one, "loaded again"
    again = kept.load(first)
    kept.load(second)
    assert kept.load(first) is not again, "there is room for one"
