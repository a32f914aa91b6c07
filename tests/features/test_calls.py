"""Kernels called past the dispatcher: whatever the types, what numba itself would have called."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from features.calls import StageCalls
from features.catalogue import Family, Group, Stage


class Params(NamedTuple):
    factor: float


class Sums(NamedTuple):
    total: np.ndarray


class Shared(NamedTuple):
    x: np.ndarray


@njit
def _add(params: Params, state: Sums, shared: Shared, out: np.ndarray, why: np.ndarray) -> None:
    for k in range(len(shared.x)):
        if shared.x[k] < 0:
            raise ValueError("below zero")
        state.total[0] += params.factor * shared.x[k]
        out[k, 0] = state.total[0]
        why[k, 0] = 0


GROUPS = tuple(
    Group(f"sum{k}", Family.TECHNICAL, Stage.BARS, (), Params(float(k)), lambda n, m: Sums(np.zeros(1)), _add)
    for k in (2, 3)
)


def calls_and_states() -> tuple[StageCalls, dict[str, Sums]]:
    states = {group.name: group.init(1, 1) for group in GROUPS}
    return StageCalls([(group, slice(k, k + 1)) for k, group in enumerate(GROUPS)], states), states


def matrices() -> tuple[np.ndarray, np.ndarray]:
    return np.full((6, 2), np.nan), np.full((6, 2), 9, np.uint8)


def read_only(x: np.ndarray) -> np.ndarray:
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    "x",
    [
        np.arange(4.0), np.arange(4), np.arange(4, dtype=np.int32), np.arange(4, dtype=np.uint8),
        np.arange(8.0)[::2], np.arange(4.0)[::-1], read_only(np.arange(4.0)), np.arange(4, dtype=np.float32),
    ],
)  # fmt: skip
def test_every_kind_of_array_is_read_as_what_it_is(x: np.ndarray) -> None:
    calls, states = calls_and_states()
    calls(*matrices(), Shared(np.arange(3.0)))  # of the usual kind, before and after
    values, why = matrices()
    calls(values, why, Shared(x))
    calls(*matrices(), Shared(np.arange(3.0)))
    expected = np.outer(3.0 + np.cumsum(x, dtype=np.float64), [2.0, 3.0])
    np.testing.assert_array_equal(values[: len(x)], expected)
    assert np.isnan(values[len(x) :]).all() and (why[: len(x)] == 0).all() and (why[len(x) :] == 9).all()
    assert [state.total[0] for state in states.values()] == [factor * (6.0 + x.sum()) for factor in (2.0, 3.0)]


def test_what_a_kernel_raises_is_raised() -> None:
    calls, _ = calls_and_states()
    with pytest.raises(ValueError, match="below zero"):
        calls(*matrices(), Shared(np.array([1.0, -1.0])))
