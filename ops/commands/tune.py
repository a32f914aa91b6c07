"""`undertone tune`: search over options, training and feature families; the best point as settings of `train`."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dataflows.assembly.feature_groups import groups_of
from dataflows.markets import on_market
from models.config import TrainingConfig
from models.data.dataset import Dataset
from models.data.folds import folds_of
from models.evaluation.trials import TrialLedger
from models.mapped import resident
from models.runs.journal import digest_of
from models.runs.training import threads_of
from models.search.objective import evaluate_folds, searched, subset, with_values
from models.search.points import Choices
from models.search.space import columns_of_families, settings_of_point, space_of
from models.search.study import REFUSED, Pruner, Sampler, Search
from models.search.winner import toml
from ops.commands.train import families_by_column, training_dataset
from ops.drain import Drain
from ops.errors import CommandFailed, UsageError
from ops.settings import Settings
from ops.tables import print_json
from ops.train_settings import configuration

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def run(
    settings: Settings, *, json: bool, drain: Drain, files: list[str], model: str, trials: int, study: str | None,
    sampler: Sampler, pruner: Pruner, only: str | None, hold_out: float, resume: bool,
) -> int:  # fmt: skip
    """Try points until the study has so many trials; write the best as a TOML file for `undertone train -c`."""
    settings = on_market(settings)
    timeframe, config = settings.bars.timeframes[0], configuration(settings, None, model)
    families = families_by_column(groups_of(settings))
    dataset = searched(training_dataset(settings, files, json, drain), hold_out)
    if drain.asked:
        raise CommandFailed("tune: stopped before the history was read; nothing was tried")
    space = _chosen(space_of(config, {name: families[name] for name in with_values(dataset)}), only)
    name = study or f"{config.name}_{timeframe}"
    digest = digest_of(dataset, config, space)
    search = Search(
        settings.tune.storage, name, space, digest, sampler=sampler, pruner=pruner, seed=settings.train.seed,
        folds=len(folds_of(dataset, config)), resume=resume,
    )  # fmt: skip
    objective = _objective(settings, dataset, families, model)
    with threads_of(config.threads), resident(config.memory):
        search.run(trials, objective, lambda: drain.asked, _quiet if json else _Telling(search, trials))
    best, (tried, ratios) = search.best(), search.tried()
    ledger = TrialLedger(settings.registry.root)  # by which backtests deflate theirs
    for number, ratio in ratios.items():
        ledger.add(f"tune {name} {digest} {number}", timeframe, ratio)
    path = settings.tune.directory / f"{name.replace('/', '_')}.toml"
    chosen = {"preset": settings.train.preset, **settings_of_point(best.params, config)}
    comments = [
        f"undertone tune --model {model}: study {name}, trial {best.number} of {tried}, loss {best.value:.6g}",
        f"{tried} trials count where a Sharpe ratio of what comes of it is deflated",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(toml(comments, {"train": chosen}), encoding="utf-8")
    answer = {"study": name, "trials": tried, "best": best.number, "loss": best.value, "parameters": best.params,
              "sharpe_a_day": list(ratios.values()), "settings": str(path)}  # fmt: skip
    if json:
        print_json(answer)
    else:
        print(f"best of {tried}: trial {best.number}, loss {best.value:.6g}: {_said(best.params)}")
        print(f"use it with: undertone train FILE... --model {model} -c {path}")
    return 0


def _chosen(space: dict[str, Choices], only: str | None) -> dict[str, Choices]:
    """Return the dimensions that match one of the patterns. Raises UsageError where none does."""
    if only is None:
        return space
    patterns = only.split(",")
    found = {name: space[name] for name in space if any(fnmatch.fnmatchcase(name, p.strip()) for p in patterns)}
    if not found:
        raise UsageError(f"tune: --only {only} matches no dimension, expected some of {', '.join(space)}")
    return found


def _objective(settings: Settings, dataset: Dataset, families: Mapping[str, str], model: str) -> Any:
    """Return what a point is worth, trained as `undertone train` with its settings would."""

    def objective(point: Mapping[str, Any], judge: Callable[[int, float], bool]) -> tuple[float, float | None]:
        chosen = settings_of_point(point, _configured(settings, {}, model))
        config = _configured(settings, chosen, model)
        columns = columns_of_families(dataset.columns, families, chosen.get("families", ()))
        return evaluate_folds(subset(dataset, columns), config, judge)

    return objective


def _configured(settings: Settings, chosen: Mapping[str, Any], model: str) -> TrainingConfig:
    train = settings.train.model_copy(update=dict(chosen))  # which marks them as given
    return configuration(settings.model_copy(update={"train": train}), None, model)


class _Telling:
    """Says what each trial came to."""

    def __init__(self, search: Search, trials: int) -> None:
        self._search, self._trials, self._began = search, trials, time.monotonic()

    def __call__(self, trial: FrozenTrial) -> None:
        tried, _ = self._search.tried()
        what = "refused" if REFUSED in trial.user_attrs else trial.state.name.lower()
        value = "" if trial.value is None else f", loss {trial.value:.6g}"
        seconds = time.monotonic() - self._began
        print(f"{tried:4d} of {self._trials}  {seconds:6.0f} s  trial {trial.number} {what}{value}: "
              f"{_said(trial.params)}", flush=True)  # fmt: skip


def _quiet(trial: FrozenTrial) -> None:
    """Show nothing."""


def _said(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in point.items())
