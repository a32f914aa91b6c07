"""What is computed of many series at once is, to the bit, what is computed of each alone, and what its formula says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.analysis import indicators
from api.analysis.spectrum import shares_of

LENGTHS = st.lists(st.sampled_from([0, 1, 19, 20, 21, 32, 33, 34, 80, 252, 253]), min_size=1, max_size=12)


def walks(seed: int, lengths: list[int]) -> list[np.ndarray]:
    """Prices near 60,000 and near 0.0001, one series that doesn't move, volumes with zeros."""
    random = np.random.default_rng(seed)
    scales = np.where(random.random(len(lengths)) < 0.5, 6e4, 1e-4)
    found = [scale * np.exp(np.cumsum(random.normal(0, 1e-3, n))) for scale, n in zip(scales, lengths, strict=True)]
    found[0] = np.full(lengths[0], 7.0)
    return found


@pytest.mark.parametrize("of", [shares_of, indicators.sma_ratios, indicators.volume_trends])
@given(seed=st.integers(0, 1000), lengths=LENGTHS)
@settings(max_examples=40, deadline=None)
def test_a_series_result_does_not_depend_on_its_neighbours(
    of: Callable[[list[np.ndarray]], list[Any]], seed: int, lengths: list[int]
) -> None:
    series = walks(seed, lengths)
    assert of(series) == [of([one])[0] for one in series]


def test_shares_are_those_of_a_plain_discrete_fourier_transform() -> None:
    for prices in walks(3, [33, 34, 80, 253]):
        returns = [math.log(b / a) for a, b in itertools.pairwise(prices.tolist())]
        n, mean = len(returns), sum(returns) / len(returns)
        bands = [0.0, 0.0, 0.0]
        for k in range(1, n):  # both sides
            wave = sum((r - mean) * np.exp(-2j * np.pi * k * t / n) for t, r in enumerate(returns))
            frequency = min(k, n - k) / n
            bands[0 if frequency < 0.1 else 1 if frequency < 0.3 else 2] += abs(wave) ** 2
        (found,) = shares_of([prices])
        if sum(bands) < 1e-20:
            assert found is None
        else:
            assert found == pytest.approx([band / sum(bands) for band in bands], rel=1e-9)


def test_nothing_traded_has_no_trend() -> None:
    volumes = np.arange(20.0)
    assert indicators.volume_trends([np.append(np.ones(15), np.zeros(5)), volumes, volumes[:19]]) == [
        None, pytest.approx(math.log(17.0 / 9.5)), None,
    ]  # fmt: skip
