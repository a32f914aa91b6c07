"""Clustering of volatility where the price stands still after a move."""

from __future__ import annotations

import numpy as np
import pytest

from features.bar_inputs import bar_inputs, new_history, new_series, push
from features.regime import clustering
from schema.bars import zero_bars
from schema.reasons import Why


def rows(closes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values and validity of one series of closes."""
    n = len(closes)
    bars = zero_bars(n)
    bars = bars._replace(close=closes, mid=closes, time=np.arange(1, n + 1))
    inputs, history = bar_inputs(new_series(1), bars, 1), new_history(1)
    assert push(history, inputs, 0) == n
    out, why = np.empty((n, 4)), np.empty((n, 4), np.uint8)
    clustering.update(clustering.Params(1e-10), clustering.init(1, 1), inputs, history, out, why)
    return out, why


@pytest.mark.parametrize("seed", range(12))
def test_moves_that_left_leave_nothing_even_where_sums_were_made_anew_among_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    moves = random.standard_normal(100) * 10.0 ** random.uniform(-6, -1, 100)
    closes = 167.2 * np.exp(np.concatenate((np.cumsum(moves), np.full(90, moves.sum()))))
    out, why = rows(closes)
    assert not np.isnan(out[61:100, :3]).any()
    assert np.isnan(out[160:]).all()
    assert (why[160:] == Why.EDGE).all()
