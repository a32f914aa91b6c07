"""What the cross-section's kernels promise beside the laws: ranks of many rows, gaps, leaders that are absent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from features.cross_asset.ranks import write_ranks
from schema.reasons import Why


@pytest.mark.parametrize("rows", [2, 3, 47, 48, 1_000])
@pytest.mark.parametrize("kind", ["normal", "ties", "close", "wide", "flat"])
def test_ranks_are_those_of_scipy(kind: str, rows: int) -> None:
    rng = np.random.default_rng(rows)
    values = {
        "normal": rng.normal(size=rows),
        "ties": rng.integers(-3, 4, rows) * 1e-4,
        "close": 1.0 + rng.integers(0, 50, rows) * 2.0**-52,
        "wide": rng.normal(size=rows) * 10.0 ** rng.uniform(-300, 300, rows),
        "flat": np.where(rng.random(rows) < 0.5, 0.0, -0.0),
    }[kind]
    values[:: max(rows // 3, 2)] = np.nan if rows > 3 else values[0]
    out, why = np.zeros(rows + 5), np.zeros(rows + 5, np.uint8)
    write_ranks(values, 5, int(Why.NO_QUOTES), out, why)
    known = ~np.isnan(values)
    assert np.array_equal(out[5:][known], (rankdata(values[known]) - 1) / (known.sum() - 1))
    assert np.isnan(out[5:][~known]).all()
    assert np.array_equal(why[5:], np.where(known, 0, Why.NO_QUOTES))
    assert not out[:5].any()
