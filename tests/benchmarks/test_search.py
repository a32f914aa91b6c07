"""The saturation search against a simulated server."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.live.search import LAG_S, saturation, sustained


def lag_of(rate: float, capacity: float, seconds: float = 10.0, seed: int = 1) -> list[float]:
    """How far a server of some capacity is behind a steady feed, every half second: a queue, with stalls of 0.3 s."""
    rng, behind, lags = np.random.default_rng(seed), 0.0, []
    for _ in range(int(seconds / 0.5)):
        works = 0.5 - (0.3 if rng.random() < 0.1 else 0.0)
        behind = max(0.0, behind + rate * 0.5 - capacity * works)
        lags.append(behind / rate)
    return lags


@pytest.mark.parametrize("capacity", [3_000.0, 40_000.0, 171_000.0, 1_000_000.0])
def test_the_search_finds_a_servers_capacity(capacity: float) -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return rate <= capacity

    good, bad = saturation(holds, 25_000.0, 1.5, 2)
    assert good <= capacity < bad
    assert bad / good == pytest.approx(1.5**0.25)
    assert len(tried) == len(set(tried))  # nothing is measured twice


def test_the_search_of_a_queue_ends_near_its_capacity() -> None:
    good, bad = saturation(lambda rate: sustained(lag_of(rate, 100_000.0)), 25_000.0, 1.5, 3)
    assert 85_000 < good < bad < 115_000


def test_the_search_gives_up_where_nothing_holds() -> None:
    good, bad = saturation(lambda rate: False, 16_000.0, 2.0, 2)
    assert good == 0.0
    assert bad == 1_000.0


def test_a_growing_lag_is_not_sustained() -> None:
    assert sustained([0.02] * 20)
    assert sustained([0.02] * 15 + [0.3] + [0.02] * 4)  # one stall
    assert not sustained(np.linspace(0, 0.45, 20).tolist())
    assert not sustained([LAG_S + 0.1] * 20)
    with pytest.raises(ValueError, match="run longer"):
        sustained([0.0] * 5)
