"""Trees in two stages, whichever library grows them: the mean, then the log variance of what it left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.config import TreesConfig
from models.labels import Float32
from models.mapped import picked
from models.progress import Progress, Step
from schema.ticks import Float64

BLOCK: Final = 16_384  # rows that a library is handed at once
TREES_SEARCH: Final = {
    "leaves": (7, 15, 31), "learning_rate": (0.02, 0.05, 0.1), "least_rows_a_leaf": (50, 200, 800),
    "row_share": (0.5, 0.7, 1.0), "column_share": (0.25, 0.5, 1.0),
}  # of models.config.TreesConfig: what `undertone tune` may change  # fmt: skip
_LEAST_SQUARE: Final = 1e-2  # of a residual, in units of the label: the gamma deviance wants positive ones


class Picked(NamedTuple):
    """Some rows of inputs (n, F), which may be a mapped file; read a block at a time."""

    x: Float32
    rows: NDArray[np.intp]

    def block(self, part: slice) -> Float32:
        """Return the inputs of some of the rows, copied."""
        return picked(self.x, self.rows[part])

    def parts(self) -> Iterator[slice]:
        """Yield slices that cover the rows."""
        return (slice(k, min(k + BLOCK, len(self.rows))) for k in range(0, len(self.rows), BLOCK))


class Grown(NamedTuple):
    """A fitted model of a library."""

    predict: Callable[[Float32], NDArray[Any]]  # inputs (n, F) to (n,)
    text: str  # in the library's own format


Grow = Callable[[tuple[NDArray[Any], ...], int, int], Grown]  # labels of (fit, stop), trees, seed


def fit_in_stages(
    mean: Grow, log_variance: Grow, x: tuple[Picked, Picked], y: tuple[Float64, Float64], config: TreesConfig,
    seed: int, progress: Progress,
) -> tuple[str, str]:  # fmt: skip
    """Grow both models on labels (n,) of the fit and the stop slice and return their texts."""
    first = mean(y, config.mean_trees, seed)
    progress(Step("trees: mean", 0.5))
    squares = tuple(
        np.maximum((target - _predicted(first, inputs)) ** 2, _LEAST_SQUARE)
        for inputs, target in zip(x, y, strict=True)
    )
    second = log_variance(squares, config.variance_trees, seed + 1)
    progress(Step("trees: variance", 1.0))
    return first.text, second.text


def _predicted(model: Grown, inputs: Picked) -> NDArray[Any]:
    return np.concatenate([model.predict(inputs.block(part)) for part in inputs.parts()])
