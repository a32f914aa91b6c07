"""Oracle of the change points: each run length's Student-t density from its window anew, by scipy.

It runs in float64, as all its terms are positive; what that costs is far below 1e-9.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t

from tests.oracles.regime_filters import standardised
from tests.oracles.registry import each_series, oracle
from tests.oracles.windows import trailing

Series = dict[str, np.ndarray]
HAZARD, LONGEST = 1 / 32, 15


def densities(z: np.ndarray) -> np.ndarray:
    """Return (n, 16): the density of each z if the run had the last 0 .. 15 before it."""
    columns = []
    for r in range(LONGEST + 1):
        run = trailing(np.concatenate(([np.nan], z[:-1])), r).astype(np.float64) if r else np.zeros((len(z), 0))
        mean = run.mean(axis=1) if r else np.zeros(len(z))
        beta = 1 + 0.5 * ((run - mean[:, None]) ** 2).sum(axis=1) + r * mean**2 / (2 * (1 + r))
        scale = np.sqrt(beta * (2 + r) / ((1 + r / 2) * (1 + r)))
        columns.append(t.pdf(z, 2 + r, r * mean / (1 + r), scale))
    return np.nan_to_num(np.stack(columns, axis=1))  # longer runs than there were have weight 0


def run_lengths(z: np.ndarray) -> np.ndarray:
    """Return (n, 16) probabilities of the run lengths after each z."""
    weight, result = np.eye(LONGEST + 1)[0], np.empty((len(z), LONGEST + 1))
    for row, density in enumerate(densities(z)):
        joint = weight * density
        joint /= joint.sum()
        weight = np.concatenate(([HAZARD], (1 - HAZARD) * joint[:-1]))
        weight[-1] += (1 - HAZARD) * joint[-1]
        result[row] = weight
    return result


@oracle("change_point_probability_5", "expected_run_length")
@each_series
def change_point(name: str, bars: Series) -> np.ndarray:
    z = np.clip(standardised(bars, 20), -8, 8).astype(np.float64)
    result, known = np.full(len(z), np.nan), ~np.isnan(z)
    weights = run_lengths(z[known])
    columns = {
        "change_point_probability_5": weights[:, :5].sum(axis=1),
        "expected_run_length": weights @ np.arange(LONGEST + 1),
    }
    result[known] = columns[name]
    return result
