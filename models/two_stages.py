"""Trees in two stages, whichever library grows them: the mean, then the log variance of what it left over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.config import TreesConfig
from models.labels import Float32
from schema.ticks import Float64

_LEAST_SQUARE: Final = 1e-2  # of a residual, in units of the label: the gamma deviance wants positive ones


class Grown(NamedTuple):
    """A fitted model of a library."""

    predict: Callable[[Float32], Any]  # inputs (n, F) to (n,)
    text: str  # in the library's own format


Grow = Callable[[tuple[NDArray[Any], ...], int, int], Grown]  # labels of (fit, stop), trees, seed


def fit_in_stages(
    mean: Grow, log_variance: Grow, x: tuple[Float32, Float32], y: tuple[Float64, Float64], config: TreesConfig,
    seed: int, progress: Callable[[str, float], None],
) -> tuple[str, str]:  # fmt: skip
    """Grow both models on labels (n,) of the fit and the stop slice and return their texts."""
    first = mean(y, config.mean_trees, seed)
    progress("trees: mean", 0.5)
    squares = tuple(
        np.maximum((target - first.predict(inputs)) ** 2, _LEAST_SQUARE) for inputs, target in zip(x, y, strict=True)
    )
    second = log_variance(squares, config.variance_trees, seed + 1)
    progress("trees: variance", 1.0)
    return first.text, second.text
