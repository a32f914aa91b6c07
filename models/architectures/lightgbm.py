"""LightGBM (Ke et al. 2017): mean by squared error, variance by gamma deviance of the squared residual (QLIKE)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.config import TreesConfig
from models.labels import Float32
from models.progress import Progress
from models.trees.two_stages import BLOCK, TREES_SEARCH, Grow, Grown, Picked, fit_in_stages
from schema.ticks import Float64

_SAMPLE: Final = 200_000  # rows that bins are made from, as LightGBM does
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

    `x` and `y` are (fit, stop): inputs (n, F) and labels (n,). Returns both models in LightGBM's text format.
    """

    def grow(objective: str) -> Grow:
        return lambda labels, trees, seed: _fit(objective, trees, x, labels, config, seed, threads)

    return fit_in_stages(grow("l2"), grow("gamma"), x, y, config, seed, progress)


def _fit(
    objective: str, trees: int, x: tuple[Picked, Picked], y: tuple[NDArray[Any], ...], config: TreesConfig,
    seed: int, threads: int,
) -> Grown:  # fmt: skip
    import lightgbm

    class Rows(lightgbm.Sequence):
        """Binned block by block, so that the library holds a byte a cell and never the inputs."""

        batch_size = BLOCK

        def __init__(self, picked: Picked) -> None:
            self._picked = picked

        def __getitem__(self, at: Any) -> Float32:
            return self._picked.block(at) if isinstance(at, slice) else self._picked.block(slice(at, at + 1))[0]

        def __len__(self) -> int:
            return len(self._picked.rows)

    parameters = {
        "objective": objective, "metric": objective, "num_leaves": config.leaves, "verbosity": -1, "seed": seed,
        "learning_rate": config.learning_rate, "min_data_in_leaf": min(config.least_rows_a_leaf, len(y[0]) // 20),
        "bagging_fraction": config.row_share, "bagging_freq": 1, "feature_fraction": config.column_share,
        "use_missing": False, "deterministic": True, "force_row_wise": True, "num_threads": threads, "max_bin": 63,
    }  # fmt: skip
    bins = lightgbm.Dataset(x[0].block(slice(None, None, -(-len(x[0].rows) // _SAMPLE))), params=parameters)
    train = lightgbm.Dataset(Rows(x[0]), y[0], reference=bins)
    stop = lightgbm.Dataset(Rows(x[1]), y[1], reference=train)
    booster = lightgbm.train(
        parameters, train, trees, valid_sets=[stop], callbacks=[lightgbm.early_stopping(config.patience, verbose=False)]
    )
    return Grown(lambda inputs: np.asarray(booster.predict(inputs)), booster.model_to_string())
