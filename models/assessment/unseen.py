"""What a version says of rows that it never learned from, and what naive forecasters say there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from models.assessment.assessment import Tested
from models.config import NetConfig, TrainingConfig
from models.data.dataset import Dataset, TrainingRefused
from models.data.folds import Fold, Rows, label_ends
from models.data.problem import Problem, inputs_of
from models.evaluation.baselines import baselines
from models.evaluation.scoring import Forecast, Outcome
from models.mapped import picked
from models.registry.bundle import Bundle
from models.training.fitting import Fit
from models.training.members import Fitted
from models.training.pooled import Calibration, forecast
from models.trees.flat import walk
from models.votes.voting import Voting

_LEAST: Final = 100  # rows before the first unseen one, that naive forecasters learn from


def unseen(bundle: Bundle, dataset: Dataset, names: Sequence[str] = ()) -> Tested:
    """Return the forecasts of a version for the labelled rows from its test slice on, `names` the symbols' by id.

    What lies before warms nets up and teaches the naive forecasters. Raises TrainingRefused where the history doesn't
    fit the version, or has nothing behind or too little before what it learned from.
    """
    metadata = bundle.metadata
    _refuse_other_history(bundle, dataset)
    usable = np.flatnonzero(dataset.eligible & np.isfinite(dataset.returns[:, metadata.primary - 1]))
    first = metadata.data.slices["test"][0]
    before, rows = usable[label_ends(dataset, metadata.primary)[usable] < first], usable[dataset.time[usable] >= first]
    if len(before) < _LEAST or not len(rows):
        raise TrainingRefused(
            f"evaluate: {len(rows):,} labelled rows from {np.datetime64(first, 'ns')} on, where what "
            f"{metadata.version} learned from ends, and {len(before):,} before; expected some, and at least {_LEAST} "
            "before them; give the history that it was trained on and newer files"
        )
    problem = _problem(bundle, dataset, before, rows)
    said = dict(_members(bundle, problem, rows))
    speak = np.all([np.isfinite(f.mean) for f in said.values() if f.mean is not None], axis=0)
    rows = rows[speak]
    said = {name: _part(f, speak) for name, f in said.items()}
    fold = problem.fold._replace(test=rows)
    vote = _voting(bundle, dataset).vote(said, problem, rows)
    naive = baselines(dataset, fold, problem.label, problem.unit, metadata.primary)
    outcome = Outcome(dataset.time[rows], problem.label[rows], problem.unit[rows])
    forecasts = {metadata.version: vote} | (said if len(said) > 1 else {})
    forecasts |= {f"naive: {name}": found for name, found in naive.items()}
    return Tested(dataset, rows, outcome, forecasts, metadata.primary, names)


def _refuse_other_history(bundle: Bundle, dataset: Dataset) -> None:
    metadata = bundle.metadata
    if metadata.timeframe != dataset.timeframe.name or metadata.horizons > dataset.horizons:
        raise TrainingRefused(
            f"evaluate: {metadata.version} is of timeframe {metadata.timeframe} and {metadata.horizons} horizons, this "
            f"history of {dataset.timeframe.name} and {dataset.horizons}; ask for --timeframe {metadata.timeframe}"
        )


def _problem(bundle: Bundle, dataset: Dataset, before: Rows, rows: Rows) -> Problem:
    metadata = bundle.metadata
    sigma = np.maximum(np.nan_to_num(dataset.sigma), metadata.volatility_floor)
    label = dataset.returns[:, metadata.primary - 1] / (sigma * np.sqrt(metadata.primary))
    half, end = len(before) // 2, metadata.data.slices["test"][0]
    fold = Fold(before[:half], before[:0], before[half:], rows, (end, end, end, int(dataset.time[-1])))
    x = inputs_of(dataset, metadata.columns, None)
    return Problem(dataset, fold, metadata.columns, metadata.volatility_floor, metadata.primary, sigma, x,
                   label[:, None], label, None)  # fmt: skip


def _members(bundle: Bundle, problem: Problem, rows: Rows) -> Iterator[tuple[str, Forecast]]:
    """Yield what each member says, calibrated as it is served."""
    metadata = bundle.metadata
    for name, member in metadata.members.items():
        if name in bundle.nets:
            fit = Fit(bundle.nets[name], [], "", {})
            mean, log_variance = Fitted(NetConfig(name), metadata.columns, problem.floor, fit).heads(problem, rows)
        else:
            pair, x = bundle.trees[name], picked(problem.x, rows)
            mean, log_variance = walk(pair.mean, x)[:, None], walk(pair.log_variance, x)[:, None]
        calibration = Calibration(member.variance_scale, member.class_map, member.mean_map, member.variance_map)
        yield name, forecast(calibration, mean, log_variance, metadata.primary)


def _part(said: Forecast, rows: np.ndarray) -> Forecast:
    return Forecast(*(None if kind is None else kind[rows] for kind in
                      (said.mean, said.log_variance, said.probabilities)))  # fmt: skip


def _voting(bundle: Bundle, dataset: Dataset) -> Voting:
    """Vote as the version does; stacked weights are those that it was published with."""
    config = msgspec.convert(bundle.metadata.config, TrainingConfig)
    vote = "weighted" if config.vote == "stacking" else config.vote
    return Voting(replace(config, weights=bundle.weights, vote=vote), dataset)
