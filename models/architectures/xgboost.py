"""XGBoost (Chen and Guestrin 2016): mean by squared error, variance by gamma deviance of squared residuals (QLIKE)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.config import TreesConfig
from models.progress import Progress
from models.trees.two_stages import TREES_SEARCH, Grow, Grown, Picked, fit_in_stages
from schema.ticks import Float64

_BINS: Final = 64
SEARCH: Final = TREES_SEARCH


def fit_trees(
    x: tuple[Picked, Picked],
    y: tuple[Float64, Float64],
    config: TreesConfig,
    seed: int,
    threads: int,
    progress: Progress,
) -> tuple[str, str]:
    """Fit mean and log variance on the fit slice with early stopping on the stop slice.

    `x` and `y` are (fit, stop): inputs (n, F) and labels (n,). Returns both models in XGBoost's JSON format.
    """

    def grow(objective: str, metric: str) -> Grow:
        return lambda labels, trees, seed: _fit(objective, metric, trees, x, labels, config, seed, threads)

    return fit_in_stages(
        grow("reg:squarederror", "rmse"), grow("reg:gamma", "gamma-deviance"), x, y, config, seed, progress
    )


def _fit(
    objective: str, metric: str, trees: int, x: tuple[Picked, Picked], y: tuple[NDArray[Any], ...],
    config: TreesConfig, seed: int, threads: int,
) -> Grown:  # fmt: skip
    import xgboost

    class Rows(xgboost.DataIter):
        """Binned block by block, so that the library holds a byte a cell and never the inputs."""

        def __init__(self, picked: Picked, labels: NDArray[Any]) -> None:
            super().__init__()
            self._picked, self._labels, self._parts = picked, labels, picked.parts()

        def next(self, input_data: Any) -> bool:
            part = next(self._parts, None)
            if part is not None:
                input_data(data=self._picked.block(part), label=self._labels[part])
            return part is not None

        def reset(self) -> None:
            self._parts = self._picked.parts()

    parameters = {
        "objective": objective, "eval_metric": metric, "tree_method": "hist", "grow_policy": "lossguide",
        "max_depth": 0, "max_leaves": config.leaves, "max_bin": _BINS, "learning_rate": config.learning_rate,
        "subsample": config.row_share, "colsample_bytree": config.column_share, "seed": seed, "nthread": threads,
        "min_child_weight": min(config.least_rows_a_leaf, len(y[0]) // 20), "verbosity": 0,
    }  # fmt: skip
    if objective == "reg:gamma":  # its logarithm in float32 is the same with any library, unlike that of the mean
        parameters["base_score"] = 2.0 ** round(float(np.log2(y[0].mean())))
    train = xgboost.QuantileDMatrix(Rows(x[0], y[0]), max_bin=_BINS, nthread=threads)
    stop = xgboost.QuantileDMatrix(Rows(x[1], y[1]), max_bin=_BINS, nthread=threads, ref=train)
    booster = xgboost.train(
        parameters, train, trees, evals=[(stop, "stop")], early_stopping_rounds=config.patience, verbose_eval=False
    )
    best = booster[: booster.best_iteration + 1]
    return Grown(lambda inputs: best.predict(xgboost.DMatrix(inputs)), bytes(best.save_raw("json")).decode())
