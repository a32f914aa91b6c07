"""Which columns are chosen where a model may not read all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.architectures.mgdl import MGDL
from models.config import TrainingConfig
from models.data.folds import folds_of
from models.data.inputs import fit_columns
from models.data.problem import problem_of
from models.data.selection import choose
from tests.models.market import make_dataset, make_market

DATASET = make_dataset(make_market(4, 700, planted=0.4))
FOLD = folds_of(DATASET, TrainingConfig(primary=3, walk=None, embargo=20))[0]


def test_the_choice_never_looks_at_later_slices() -> None:
    later = np.arange(FOLD.fit[-1] + 1, len(DATASET.time))
    columns = fit_columns(DATASET, FOLD.fit, FOLD.stop)
    y = (DATASET.returns[:, 2] / DATASET.sigma).astype(np.float64)
    values, random = DATASET.values.copy(), np.random.default_rng(5)
    values[later] = 100 * random.standard_normal((len(later), values.shape[1]))
    values[later, DATASET.columns.index("noise")] = DATASET.returns[later, 2]  # would be the best one there
    changed = replace(DATASET, values=values)
    for most in (1, 2, 3):
        assert choose(changed, columns, FOLD.fit, y[FOLD.fit], most) == choose(
            DATASET, columns, FOLD.fit, y[FOLD.fit], most
        )


def test_the_net_that_reads_the_fewest_columns_sets_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MGDL.most_columns == 50
    monkeypatch.setattr(MGDL, "most_columns", 2)
    names = [column.name for column in problem_of(DATASET, FOLD, ("mgdl", "gru"), 3, 3).columns]
    assert names == ["signal", "reference_volatility_60"]
    assert len(problem_of(DATASET, FOLD, ("gru",), 3, 3).columns) > 2
