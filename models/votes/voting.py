"""How the members of a walk vote: by given weights, by stacked ones, or by what came true."""

from __future__ import annotations

import numpy as np

from models.classes import vote
from models.config import TrainingConfig
from models.data.dataset import Dataset
from models.data.folds import Rows
from models.data.problem import Problem
from models.evaluation.scoring import Forecast
from models.votes.adaptive import AdaptiveVote, VoteRows, places
from models.votes.stacking import log_density, stack
from schema.ticks import Float64, Int32, Int64


class Voting:
    """The vote over the folds of one walk."""

    def __init__(self, config: TrainingConfig, dataset: Dataset) -> None:
        names = [spec.architecture for spec in config.members]
        self.weights = {name: config.weights.get(name, 1.0) for name in names}
        self._primary, self._stacking = config.primary, config.vote == "stacking"
        self._densities: list[Float64] = []  # (M, rows) of a fold's calibrate slice
        self._adaptive: AdaptiveVote | None = None
        if config.vote in ("dynamic", "performance"):
            weights, dynamic = np.array(list(self.weights.values())), config.vote == "dynamic"
            n_symbols = int(dataset.symbol.max()) + 1
            self._adaptive = AdaptiveVote(weights / weights.sum(), config.primary, n_symbols, dynamic=dynamic)

    def learn(self, said: dict[str, Forecast], y: Float64) -> None:
        """Stack on calibrated forecasts of one fold's calibrate rows, beside those of the folds before it.

        `y` (n,) are labels in the forecasts' unit. Rows on which not every member speaks don't count.
        """
        if not self._stacking:
            return
        density = np.stack([log_density(*_normal(said[name]), y) for name in self.weights])
        self._densities.append(density[:, np.isfinite(density).all(axis=0)])
        found = stack(np.concatenate(self._densities, axis=1))
        self.weights = {name: round(float(w), 6) for name, w in zip(self.weights, found, strict=True)}

    def vote(self, said: dict[str, Forecast], problem: Problem, rows: Rows) -> Forecast:
        """Return the vote of calibrated forecasts of the problem's rows, on which all members speak.

        Folds come in order, and so do their rows.
        """
        parts = [said[name] for name in self.weights]
        means, log_variances = (np.stack(kind) for kind in zip(*map(_normal, parts), strict=True))
        p = np.stack([part.probabilities for part in parts if part.probabilities is not None])
        weights = np.array(list(self.weights.values()))
        if self._adaptive is not None:
            weights = self._adaptive.shares(self._judged(problem, rows), means, log_variances)
        together = vote(means, log_variances, p, weights, np.ones(len(rows)), 0.5)
        spread = 2 * np.log(np.maximum(together.volatility, 1e-9))
        return Forecast(together.expected_return, spread, together.probabilities)

    def _judged(self, problem: Problem, rows: Rows) -> VoteRows:
        """Say what serving says; a label that is missing in the history is one that doesn't count there."""
        data = problem.dataset
        place = places(data.time, _sequence(data.symbol), data.timeframe)
        return VoteRows(
            data.symbol[rows], place[rows], np.zeros(len(rows), np.int64), np.isfinite(problem.label[rows]),
            data.price[rows], problem.unit[rows], data.sigma[rows],
        )  # fmt: skip


def _normal(said: Forecast) -> tuple[Float64, Float64]:
    assert said.mean is not None
    assert said.log_variance is not None
    return said.mean, said.log_variance


def _sequence(symbol: Int32) -> Int64:
    """Number the rows of each symbol."""
    order = np.argsort(symbol, kind="stable")
    ordered, number = symbol[order], np.empty(len(symbol), np.int64)
    number[order] = np.arange(len(symbol)) - np.searchsorted(ordered, ordered)
    return number
