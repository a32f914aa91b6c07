"""All that is said of forecasters on rows none of them was fitted on: scores, regimes, symbols, and what trading them
would have earned after costs. Naive forecasters are judged by the same code on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.backtest.book import directions, keep_book
from models.backtest.fills import Costs, fills_of
from models.backtest.ground import Ground, flat_rows
from models.backtest.performance import performance
from models.data.dataset import Dataset
from models.data.folds import Rows
from models.evaluation.intervals import wilson
from models.evaluation.regimes import TREND, VOLATILITY, trend_regimes, volatility_regimes
from models.evaluation.scoring import Forecast, Outcome, score
from models.evaluation.trials import NO_TRIALS, Trials
from schema.ticks import Bool

ALWAYS_UP: Final = "naive: always_up"  # held all the time: what the market itself gave


@dataclass(frozen=True, slots=True)
class Trading:
    """How a signal is traded."""

    threshold: float = 0.5  # below this confidence there is no position
    costs: Costs = field(default_factory=Costs)
    days_a_year: int = 252
    trials: Trials = NO_TRIALS  # all that was tried, what is judged among it


@dataclass(frozen=True, slots=True)
class Tested:
    """Forecasts of rows of a data set, and what happened in them."""

    dataset: Dataset
    rows: Rows
    outcome: Outcome
    forecasts: Mapping[str, Forecast]
    horizon: int  # bars
    names: Sequence[str] = ()  # of the symbols, by their id


def assess(tested: Tested, ground: Ground, trading: Trading) -> dict[str, Any]:
    """Return scores and backtests of every forecaster, and of the first one by regime and symbol."""
    forecasts = {**tested.forecasts, ALWAYS_UP: Forecast(np.full(len(tested.rows), 1e-6))}
    backtests = {
        name: backtest(tested, forecast, ground, trading)
        for name, forecast in forecasts.items() if forecast.mean is not None and forecast.mean.any()
    }  # fmt: skip
    first = next(iter(forecasts))
    return {
        "first": int(tested.outcome.time.min()),
        "last": int(tested.outcome.time.max()),
        "rows": len(tested.rows),
        "days": len(np.unique(tested.outcome.time // (86_400 * 10**9))),
        "horizon": tested.horizon,
        "zero_returns": float(np.mean(tested.outcome.y == 0)),
        "of": first,
        "scores": {name: score(forecast, tested.outcome) for name, forecast in forecasts.items()},
        "backtests": backtests,
        "regimes": dict(_by_regime(tested, forecasts[first])),
        "symbols": _by_symbol(tested, forecasts[first], ground, trading),
    }


def backtest(
    tested: Tested, forecast: Forecast, ground: Ground, trading: Trading, only: Bool | None = None
) -> dict[str, Any]:
    """Return what a forecaster's directions earn; `only` (rows,) leaves the others out."""
    dataset, rows = tested.dataset, tested.rows
    fills, flat = fills_of(dataset, ground, trading.costs), flat_rows(dataset, ground)
    direction = directions(forecast, trading.threshold)
    if only is not None:
        rows, direction = rows[only], direction[only]
    book = keep_book(dataset, rows, direction, tested.horizon, fills, flat, trading.costs)
    found = performance(book, dataset, rows, trading.days_a_year, trading.trials)
    return {**found, "quoted": float(np.mean(fills.quoted[rows])), "signals": float(np.mean(direction != 0))}


def _by_regime(tested: Tested, forecast: Forecast) -> Any:
    for kind, names, places in (
        ("volatility", VOLATILITY, volatility_regimes(tested.dataset)),
        ("trend", TREND, trend_regimes(tested.dataset)),
    ):
        here = places[tested.rows]
        yield (
            kind,
            {name: _part(forecast, tested.outcome, here == k) for k, name in enumerate(names) if (here == k).any()},
        )


def _part(forecast: Forecast, outcome: Outcome, rows: Bool) -> dict[str, Any]:
    """Score a part of the rows."""
    part = Forecast(*(None if kind is None else kind[rows] for kind in
                      (forecast.mean, forecast.log_variance, forecast.probabilities)))  # fmt: skip
    scores = score(part, Outcome(outcome.time[rows], outcome.y[rows], outcome.unit[rows]))
    kept = ("directional_accuracy", "information_coefficient", "nll", "log_loss")
    intervals = {name: found for name, found in scores["intervals"].items() if name in kept}
    return {"rows": int(rows.sum()), **{name: scores.get(name) for name in kept}, "intervals": intervals}


def _by_symbol(tested: Tested, forecast: Forecast, ground: Ground, trading: Trading) -> dict[str, Any]:
    """Each symbol alone. Its labels overlap, so one in `horizon` counts for Wilson's interval of its accuracy."""
    symbol = tested.dataset.symbol[tested.rows]
    found = {}
    for which in np.unique(symbol).tolist():
        mine = symbol == which
        y, said = tested.outcome.y[mine], (forecast.mean if forecast.mean is not None else np.zeros(len(mine)))[mine]
        counted = (y != 0) & (said != 0)
        hits, n = float(np.sum((y > 0)[counted] == (said > 0)[counted])), float(counted.sum())
        earned = backtest(tested, forecast, ground, trading, mine)
        found[tested.names[which] if which < len(tested.names) else str(which)] = {
            "rows": int(mine.sum()),
            "directional_accuracy": hits / n if n else None,
            "wilson": wilson(hits / tested.horizon, n / tested.horizon),
            **{k: earned[k] for k in ("gross_bps_a_day", "net_bps_a_day", "turnover_a_day", "hit_rate", "sharpe",
                                      "drawdown", "quoted")},
        }  # fmt: skip
    return found
