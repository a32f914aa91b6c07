"""The reference of a version, from the walk that made it."""

from __future__ import annotations

import numpy as np

from models.drift.describing import describe
from models.drift.reference import SAID, Reference
from models.training.walk import Walk, pooled


def reference_of(walk: Walk) -> Reference:
    """Describe what the version's columns were in all rows up to the last fold's end, and what it said of test rows.

    Test rows are those that no member was fitted on, of all folds.
    """
    assert walk.problem is not None, "a walk has at least one fold"
    dataset, columns = walk.problem.dataset, [column.name for column in walk.problem.columns]
    eligible = np.flatnonzero(dataset.eligible)
    take = [dataset.columns.index(name) for name in columns]
    tested, _, forecasts = pooled(walk)
    voted = forecasts["ensemble"]
    assert voted.mean is not None and voted.log_variance is not None and voted.probabilities is not None
    spoken = np.stack(
        [voted.mean, voted.log_variance / 2, voted.probabilities[:, 0], voted.probabilities[:, 2]], axis=1
    )
    return Reference(
        describe(columns, dataset.values, eligible, take, dataset.time[eligible]),
        describe(SAID, spoken, np.arange(len(spoken)), range(len(SAID)), dataset.time[tested]),
    )
