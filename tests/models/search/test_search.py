"""The search: spaces, pruning, seeds, and studies that processes share and a killed one leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.architectures import architectures, build, small_options
from models.config import SIGMA, TREES, TrainingConfig, TreesConfig, WalkForward, with_members
from models.data.dataset import TrainingRefused
from models.search.objective import evaluate_folds, searched, subset
from models.search.points import TrialPruned, grid
from models.search.space import columns_of_families, search_of, settings_of_point, space_of
from models.search.study import Search, StudyMismatch
from models.search.winner import toml
from ops.settings import load
from ops.train_settings import configuration
from tests.models.market import make_dataset, make_market
from tests.models.search.bowl import SPACE, bowl, search_in


def points(search: Search) -> list[dict[str, Any]]:
    return [trial.params for trial in search.study.get_trials()]


def go(search: Search, trials: int) -> None:
    search.run(trials, bowl, lambda: False, lambda trial: None)


@pytest.mark.parametrize("name", (*architectures(), *TREES))
def test_each_architecture_says_what_can_be_tried(name: str) -> None:
    space = search_of(name)
    assert space, "declare a search space beside the architecture"
    for values in space.values():
        assert len(set(values)) == len(values) > 1
    if name in TREES:
        replace(TreesConfig(name), **{option: values[0] for option, values in space.items()})
        return
    at = 0 if name != "mgdl" else 1
    for pick in (0, -1):  # the corners, with what isn't searched at its small value where that fits
        small = {k: v for k, v in small_options(name).items() if k not in space} if at == 0 else {}
        build(name, 6, 3, **{**small, **{option: values[pick] for option, values in space.items()}})


def test_a_point_is_what_train_reads(tmp_path: Path) -> None:
    families = {"signal": "technical", "noise": "spectral", "trend": "technical", SIGMA: "statistical"}
    config = with_members(TrainingConfig(), ("gru", "lightgbm"))
    space = space_of(config, families)
    assert {"gru.hidden", "lightgbm.leaves", "train.learning_rate", "train.columns", "family.technical"} <= set(space)
    assert "family.statistical" not in space, "it has but sigma"
    point = {name: values[-1] for name, values in space.items()} | {"family.technical": True, "family.spectral": False}
    file = tmp_path / "best.toml"
    file.write_text(toml(["a study"], {"train": settings_of_point(point, config)}))
    assert tomllib.loads(file.read_text())["train"]["options"]["gru"] == {"hidden": 96}
    settings = load([file], [], {}, {})
    chosen = configuration(settings, None, "gru+lightgbm")
    (net,), (trees,) = chosen.nets, chosen.trees
    assert (net.options["hidden"], net.learning_rate, trees.leaves) == (96, 0.01, 31)
    assert settings.train.families == ("technical",)
    names = ["signal", "noise", "trend", SIGMA]
    assert columns_of_families(names, families, settings.train.families) == ["signal", "trend", SIGMA]
    with pytest.raises(TrainingRefused, match=r"\['sentiment'\] have no columns"):
        columns_of_families(names, families, ["sentiment"])


def test_the_same_seed_tries_the_same_points_broken_off_or_not(tmp_path: Path) -> None:
    for name in ("whole", "broken", "other"):
        (tmp_path / name).mkdir()
    whole, broken = search_in(tmp_path / "whole", sampler="tpe"), search_in(tmp_path / "broken", sampler="tpe")
    go(whole, 12)
    go(broken, 6)
    again = search_in(tmp_path / "broken", sampler="tpe", resume=True)
    go(again, 12)
    assert points(again) == points(whole)
    other = search_in(tmp_path / "other", sampler="tpe", seed=8)
    go(other, 12)
    assert points(other) != points(whole)
    assert whole.best().params == {"gru.hidden": 3, "train.augment": 0.1}
    assert whole.tried() == (12, {trial.number: 0.1 * trial.value for trial in whole.study.get_trials()})


def test_a_grid_is_walked_once(tmp_path: Path) -> None:
    search = search_in(tmp_path, sampler="grid")
    go(search, 100)
    found = [tuple(point.items()) for point in points(search)]
    assert len(found) == len(set(found)) == len(grid(SPACE, 12)) == 12
    with pytest.raises(ValueError, match=r"12 points, expected at most 11"):
        grid(SPACE, 11)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_bad_trials_are_given_up_and_counted(tmp_path: Path, pruner: str) -> None:
    search = search_in(tmp_path, pruner=pruner)
    go(search, 15)
    states = [trial.state.name for trial in search.study.get_trials()]
    assert {"COMPLETE", "PRUNED"} == set(states)
    tried, ratios = search.tried()
    assert (tried, len(ratios)) == (15, states.count("COMPLETE"))


def test_a_point_that_can_not_be_trained_is_passed_over(tmp_path: Path) -> None:
    def refusing(point: Mapping[str, Any], judge: Callable[[int, float], bool]) -> tuple[float, float | None]:
        if point["gru.hidden"] > 1:
            raise TrainingRefused("the window is longer than a fold")
        return 1.0, None

    search = search_in(tmp_path, sampler="grid")
    search.run(12, refusing, lambda: False, lambda trial: None)
    assert (search.tried()[0], search.best().params["gru.hidden"]) == (12, 1)
    (tmp_path / "none").mkdir()
    hopeless = search_in(tmp_path / "none", {"gru.hidden": (2, 3)})
    hopeless.run(2, refusing, lambda: False, lambda trial: None)
    with pytest.raises(TrainingRefused, match="the window is longer than a fold"):
        hopeless.best()


def test_another_search_is_not_gone_on_with(tmp_path: Path) -> None:
    go(search_in(tmp_path), 1)
    with pytest.raises(StudyMismatch, match="--resume"):
        search_in(tmp_path)
    with pytest.raises(StudyMismatch, match="another sampler"):
        search_in(tmp_path, resume=True, sampler="tpe")
    with pytest.raises(StudyMismatch, match="another digest"):
        Search(f"sqlite:///{tmp_path}/t.db", "study", SPACE, "other data", sampler="random", pruner="none", seed=7,
               folds=3, resume=True)  # fmt: skip


CHILD = """
import sys, time
from pathlib import Path
from tests.models.search.bowl import bowl, search_in

def slow(point, judge):
    print("at", flush=True)
    time.sleep(float(sys.argv[2]))
    return bowl(point, judge)

search = search_in(Path(sys.argv[1]), resume=True)
search.run(int(sys.argv[3]), slow, lambda: False, lambda trial: print("done", trial.number, flush=True))
"""


def child(folder: Path, seconds: float, trials: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(folder), str(seconds), str(trials)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def test_a_killed_process_loses_no_finished_trial_and_two_share_a_study(tmp_path: Path) -> None:
    go(search_in(tmp_path), 3)
    before = points(search_in(tmp_path, resume=True))
    doomed = child(tmp_path, 600, 8)
    assert doomed.stdout is not None and doomed.stdout.readline() == "at\n"
    doomed.send_signal(signal.SIGKILL)
    doomed.communicate()
    both = [child(tmp_path, 0.2, 12) for _ in range(2)]
    done = [process.communicate(timeout=120)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    search = search_in(tmp_path, resume=True)
    trials = search.study.get_trials()
    states = [trial.state.name for trial in trials]
    assert states.count("COMPLETE") == 12 and "RUNNING" not in states
    assert [trial.params for trial in trials[:3]] == before
    (killed,) = (trial for trial in trials[:4] if trial.state.name == "FAIL")
    assert killed.params in [trial.params for trial in trials[4:] if trial.state.name == "COMPLETE"], "tried again"
    said = [line for lines in done for line in lines if line.startswith("done")]
    assert len(said) == len(set(said)) == 9, "no trial was run twice"
    assert all(any(line.startswith("done") for line in lines) for lines in done), "both had a part"


def test_folds_are_scored_one_by_one_and_nobody_sees_what_is_held_out(small: TrainingConfig) -> None:
    market = make_dataset(make_market(3, 700, planted=0.4))
    dataset = searched(market, 0.2)
    assert dataset.time[-1] < np.quantile(np.unique(market.time), 0.801)
    walk = WalkForward(train=200, validation=80, step=60, folds=2, growing=False, embargo=5)
    trees = TreesConfig(mean_trees=10, variance_trees=5, learning_rate=0.2, least_rows_a_leaf=30)
    config = replace(small, nets=(), trees=(trees,), weights={"lightgbm": 1.0}, walk=walk)
    told: list[tuple[int, float]] = []
    loss, ratio = evaluate_folds(dataset, config, lambda fold, mean: told.append((fold, mean)) is not None)
    assert [fold for fold, _ in told] == [1, 2]
    assert told[-1][1] == loss
    assert ratio is None, "all of it is one day"
    blind, _ = evaluate_folds(subset(dataset, ["noise", SIGMA]), config, lambda fold, mean: False)
    assert blind > loss, "the planted signal is in a column that this one may not read"
    with pytest.raises(TrialPruned):
        evaluate_folds(dataset, config, lambda fold, mean: True)
