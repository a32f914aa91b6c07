"""What a trial is worth: the likelihood of the vote on the test rows of each fold, fold after fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from models.config import TrainingConfig
from models.data.dataset import Dataset, TrainingRefused
from models.data.folds import Folds, folds_of
from models.data.problem import head
from models.evaluation.scoring import Forecast, Outcome, score
from models.progress import silent
from models.search.points import TrialPruned
from models.training.walk import walk_forward
from schema.ticks import Float64

_DAY = 86_400 * 10**9
_SAMPLE = 5_000  # rows


def searched(dataset: Dataset, hold_out: float) -> Dataset:
    """Return the history without its newest bar times, a share `hold_out` of them: no trial may see them."""
    times = np.unique(dataset.time)
    kept = times[: max(round(len(times) * (1 - hold_out)), 1)]
    return head(dataset, int(np.searchsorted(dataset.time, kept[-1], side="right")))


def with_values(dataset: Dataset) -> list[str]:
    """Return the columns that are defined in some row of a sample: on daily bars those that ticks drive aren't."""
    sample = np.array(dataset.values[:: -(-len(dataset.time) // _SAMPLE)])
    return [dataset.columns[k] for k in np.flatnonzero(np.isfinite(sample).any(axis=0)).tolist()]


def subset(dataset: Dataset, columns: Sequence[str]) -> Dataset:
    """Return the data set with these columns alone: in memory, but where they are all that it has."""
    if tuple(columns) == dataset.columns:
        return dataset
    place = [dataset.columns.index(name) for name in columns]
    fingerprints = {name: dataset.fingerprints[name] for name in columns}
    return replace(dataset, columns=tuple(columns), fingerprints=fingerprints, values=dataset.values[:, place])


def evaluate_folds(
    dataset: Dataset, config: TrainingConfig, told: Callable[[int, float], bool]
) -> tuple[float, float | None]:
    """Train and score fold after fold; every one is fitted anew. Return the mean loss and the Sharpe ratio a day.

    The loss is the vote's negative log likelihood (nats, units of the label). The ratio is of the vote's signs held for
    the horizon, before costs, over the days of all folds; None under two days. `told` gets a fold's number from 1 on
    and the mean up to it, and says whether to stop: raises TrialPruned then.
    """
    losses: list[float] = []
    said: list[tuple[Forecast, Outcome]] = []
    folds = folds_of(dataset, config)
    for k in range(len(folds)):
        forecast, outcome = _fold(dataset, config, folds[k : k + 1].refitted_first())
        losses.append(float(score(forecast, outcome)["nll"]))
        said.append((forecast, outcome))
        if told(k + 1, float(np.mean(losses))):
            raise TrialPruned
    return float(np.mean(losses)), _ratio(said)


def _fold(dataset: Dataset, config: TrainingConfig, fold: Folds) -> tuple[Forecast, Outcome]:
    walk = walk_forward(dataset, config, fold, None, None, silent)
    outcome = walk.outcomes[0]
    if not len(outcome.y):
        raise TrainingRefused("tune: no member speaks on any test row of a fold; give a longer history")
    return walk.forecasts["ensemble"][0], outcome


def _ratio(said: Sequence[tuple[Forecast, Outcome]]) -> float | None:
    earned: Float64 = np.concatenate([np.sign(f.mean) * o.y * o.unit for f, o in said if f.mean is not None])
    day = np.concatenate([o.time // _DAY for _, o in said])
    _, place = np.unique(day, return_inverse=True)
    daily = np.bincount(place, earned) / np.bincount(place)
    spread = float(daily.std(ddof=1)) if len(daily) > 1 else 0.0
    return float(daily.mean()) / spread if spread > 0 else None
