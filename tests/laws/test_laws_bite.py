"""The laws kill planted faults: for each, a column of one plain-Python kernel that breaks it, and one that keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from features.catalogue import Column, Driver, Family, Group, Stage
from features.inputs import SHORT_WINDOW, past
from schema.reasons import Why
from tests.laws import (
    test_long_run,
    test_micro_batches,
    test_oracles,
    test_past,
    test_scale,
    test_symbols_apart,
    test_ties,
)
from tests.laws import test_warm_up as warm_up
from tests.laws.runs import run
from tests.markets import scene
from tests.oracles.registry import ORACLES, Oracle, each_series

WINDOW = 5
Kernel = Callable[..., None]


class NoParams(NamedTuple):
    unused: int


class State(NamedTuple):
    total: np.ndarray  # (series,)


def column_of(update: Kernel, stage: Stage = Stage.BARS, **changes: Any) -> tuple[Group]:
    """Declare one column, the sum of the last WINDOW closes, computed by the given kernel."""
    column = Column(
        name="planted", formula="sum of closes", source="none", inputs=("close",), driver=Driver.BAR, window=WINDOW,
        warm_up=WINDOW, unit="price", range=(0.0, float("inf")), oracle="naive", degree_price=1,
    )  # fmt: skip
    group = Group(
        name="planted",
        family=Family.TECHNICAL,
        stage=stage,
        columns=(replace(column, **changes),),
        params=NoParams(0),
        init=lambda n_symbols, n_timeframes: State(np.zeros(n_symbols * n_timeframes)),
        update=update,
    )
    return (group,)


def write(out: np.ndarray, why: np.ndarray, k: int, n: int, value: float, warm_up: int = WINDOW) -> None:
    out[k, 0], why[k, 0] = (value, 0) if n >= warm_up else (np.nan, Why.WARMING_UP)


def naive_sum(history: Any, i: int, n: int) -> float:
    return sum(past(history.close, i, n, lag) for lag in range(WINDOW))


def honest(params: Any, state: Any, bars: Any, history: Any, out: np.ndarray, why: np.ndarray) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], naive_sum(history, bars.series[k], bars.n[k]))


def forgets_between_batches(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    total = 0.0
    for k in range(len(bars.series)):
        total += bars.close[k]
        write(out, why, k, bars.n[k], total)


def looks_back_further_than_the_ring_keeps(
    params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any
) -> None:
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        write(out, why, k, n, past(history.high, i, n, SHORT_WINDOW + 1) if n > SHORT_WINDOW + 1 else 0.0)


def sees_the_symbol_before(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], state.total[0])
        state.total[0] = bars.close[k]


def sees_its_place(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], naive_sum(history, bars.series[k], bars.n[k]) + bars.series[k])


def sees_the_next_bar(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], bars.close[min(k + 30, len(bars.series) - 1)])


def is_valid_one_bar_late(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], naive_sum(history, bars.series[k], bars.n[k]), WINDOW + 1)


def is_off_by_a_hair(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], naive_sum(history, bars.series[k], bars.n[k]) * (1 + 3e-9))


def adds_an_absolute_epsilon(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        write(out, why, k, bars.n[k], naive_sum(history, bars.series[k], bars.n[k]) + 1e-6)


def counts_rises(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        rises = [past(history.close, i, n, lag) > past(history.close, i, n, lag + 1) for lag in range(WINDOW - 1)]
        write(out, why, k, n, sum(rises))


def runs_its_sum_for_ever(params: Any, state: Any, bars: Any, history: Any, out: Any, why: Any) -> None:
    """Lose a little each bar, as a running sum on float32 would."""
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        left = past(history.close, i, n, WINDOW) if n > WINDOW else 0.0
        state.total[i] = np.float32(state.total[i] + (bars.close[k] - left))
        write(out, why, k, n, state.total[i])


@each_series
def expected_sum(name: str, series: dict[str, np.ndarray]) -> np.ndarray:
    close = series["close"]
    return np.array([np.nan if k < WINDOW - 1 else close[k - WINDOW + 1 : k + 1].sum() for k in range(len(close))])


@contextmanager
def oracle_of_planted() -> Iterator[None]:
    ORACLES["planted"] = Oracle(expected_sum, lambda name, market: 0.0)
    try:
        yield
    finally:
        del ORACLES["planted"]


def off_the_oracle(groups: tuple[Group, ...]) -> list[int]:
    market = scene("cents")
    return test_oracles.misses(run(groups, market).values[:, 0], expected_sum("planted", market.market()), 0.0).tolist()


LAWS: dict[str, Callable[[tuple[Group, ...]], Any]] = {  # what each finds broken
    "micro_batches": lambda groups: test_micro_batches.violations(groups, scene("cents"), (300, 900)),
    "others": lambda groups: test_symbols_apart.seen_others(groups, scene("cents")),
    "places": lambda groups: test_symbols_apart.seen_places(groups, scene("cents")),
    "past": lambda groups: test_past.violations(groups, scene("cents")),
    "warm_up": warm_up.violations,
    "bits": lambda groups: test_scale.other_bits(groups, scene("cents"), "price"),
    "tolerance": lambda groups: test_scale.off_tolerance(groups, scene("off_grid"), "price"),
    "ties": lambda groups: test_ties.near_ties(groups, scene("cents"))["planted"],
    "oracle": off_the_oracle,
    "long_run": lambda groups: test_long_run.violations(groups, 3_000),
}


@pytest.mark.parametrize("law", LAWS)
def test_an_honest_column_keeps_the_law(law: str) -> None:
    with oracle_of_planted():
        assert not LAWS[law](column_of(honest))


@pytest.mark.parametrize(
    ("kernel", "law"),
    [
        (forgets_between_batches, "micro_batches"),
        (looks_back_further_than_the_ring_keeps, "micro_batches"),
        (sees_the_symbol_before, "others"),
        (sees_its_place, "places"),
        (sees_the_next_bar, "past"),
        (is_valid_one_bar_late, "warm_up"),
        (is_off_by_a_hair, "oracle"),
        (adds_an_absolute_epsilon, "bits"),
        (adds_an_absolute_epsilon, "tolerance"),
        (counts_rises, "ties"),
        (runs_its_sum_for_ever, "long_run"),
    ],
)
def test_a_planted_fault_breaks_its_law(kernel: Kernel, law: str) -> None:
    with oracle_of_planted():
        assert LAWS[law](column_of(kernel))
