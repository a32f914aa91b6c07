"""Oracles of the trend columns: the strength of each window anew, and the states as they follow from it."""

from __future__ import annotations

import math

import numpy as np

from tests.oracles.registry import each_series, oracle
from tests.oracles.technical import number
from tests.oracles.windows import before, exact, trailing

Series = dict[str, np.ndarray]
TIE = 1e-12  # of the price: moves of less are none
STATES = {"trend_state_20": 20, "trend_state": 60, "trend_state_120": 120}


@oracle("trend_strength_20", "trend_strength_60", "trend_strength_120")
@each_series
def trend_strength(name: str, bars: Series) -> np.ndarray:
    return strength_of(bars, number(name))


@oracle(*STATES)
@each_series
def trend_state(name: str, bars: Series) -> np.ndarray:
    states = states_of(bars, STATES[name])
    states[: STATES[name]] = np.nan
    return states


@oracle(*(f"bars_in_{name}" for name in STATES))
@each_series
def bars_in_trend_state(name: str, bars: Series) -> np.ndarray:
    window = STATES[name.removeprefix("bars_in_")]
    since = bars_since_change(states_of(bars, window))
    since[:window] = np.nan
    return since


@oracle("trend_switches_120")
@each_series
def trend_switches(name: str, bars: Series) -> np.ndarray:
    count = switches(states_of(bars, 60))
    count[:179] = np.nan
    return count


def strength_of(bars: Series, window: int) -> np.ndarray:
    close = exact(bars["close"])
    moves = np.abs(close - before(close))
    path = trailing(np.where(moves <= TIE * close, 0, moves), window).sum(axis=1)
    return np.clip((close - before(close, window)) / np.where(path > 0, path, np.nan), -1, 1)  # ties count in no path


def states_of(bars: Series, window: int) -> np.ndarray:
    enter = math.sqrt(60 / window) / math.pi
    return two_thresholds(strength_of(bars, window), enter, enter / 2)


def two_thresholds(values: np.ndarray, enter: float, leave: float) -> np.ndarray:
    """Return the state after each value: 1 or -1 past `enter`, kept until it falls below `leave`; NaN makes it 0."""
    states, now = np.zeros(len(values)), 0
    for row, value in enumerate(values.astype(np.float64)):
        if abs(value) > enter:
            now = 1 if value > 0 else -1
        elif not now * value > leave:
            now = 0
        states[row] = now
    return states


def bars_since_change(states: np.ndarray) -> np.ndarray:
    """Return how many bars the state has lasted, the one that changed it included; it is 0 before the first."""
    rows = np.arange(len(states))
    changed = np.where(np.diff(states, prepend=0) != 0, rows, -1)
    last = np.maximum.accumulate(changed)
    return np.where(last < 0, rows + 1, rows - last + 1).astype(np.float64)


def switches(states: np.ndarray) -> np.ndarray:
    """Return in how many of the last 120 rows the state changed."""
    return np.convolve(np.diff(states, prepend=0) != 0, np.ones(120))[: len(states)]
