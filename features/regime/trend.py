"""Strength of the trend over 20, 60 and 120 bars, the state it makes, how long that has lasted and how often it turned.

A state becomes 1 (bull) or -1 (bear) when the strength passes sqrt(60 / window) / pi that way, and 0 (sideways) when
it falls below half of that. A random walk has a strength of about 1.25 / sqrt(window), so these are two deviations
and one. No ratio of whole ticks equals a threshold, so integer prices make no ties.

Seed:   the state is 0 until the first strength; bars in it count from the series' first bar.
Edges:  the strength is undefined where no close of the window differs from the one before it; the state is then 0.
Cost:   O(1) a bar, 14 numbers a series. Paths slide by changes, and are summed anew every lap and
        in a window without moves.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import RING, BarInputs, History
from features.regime.states import SWITCHES, UInt64, counted_switches, next_state
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS = (20, 60, 120)
LAPS = (31, 63, 127)  # bars between two paths made anew, less 1: masks
TURNING = 1  # the place in WINDOWS of the state whose switches are counted
ENTER = (math.sqrt(3.0) / math.pi, 1.0 / math.pi, math.sqrt(0.5) / math.pi)  # sqrt(60 / window) / pi
EDGE = int(Why.EDGE)
MASK = RING - 1
SWITCHED = 3 * len(WINDOWS)  # the place of the column that counts switches
WARM_UP = WINDOWS[TURNING] + SWITCHES


class Params(NamedTuple):
    enter: tuple[float, float, float]
    leave: tuple[float, float, float]


class State(NamedTuple):
    path: Float64  # (series, windows) sum of the window's absolute changes, quote currency
    still: Int64  # (series,) bars since the last change that is not 0
    trend: Int64  # (series, windows) -1, 0 or 1
    bars: Int64  # (series, windows) bars in that state
    turned: UInt64  # (series, 2) a bit a bar: 1 where the middle state changed
    switches: Int64  # (series,) how many of the last SWITCHES


def init(n_symbols: int, n_timeframes: int) -> State:
    n, m = n_symbols * n_timeframes, len(WINDOWS)
    numbers = np.zeros((n, m)), np.zeros(n, np.int64), np.zeros((n, m), np.int64), np.zeros((n, m), np.int64)
    return State(*numbers, np.zeros((n, 2), np.uint64), np.zeros(n, np.int64))


@njit(cache=True, inline="always")
def _moved(new: float, old: float) -> float:
    change = abs(new - old)
    return change if change > TIE * new else 0.0


@njit(cache=True)
def _summed(closes: Float64, i: int, n: int, window: int) -> float:
    total = 0.0
    for lag in range(window):
        total += _moved(closes[(n - 1 - lag) & MASK, i], closes[(n - 2 - lag) & MASK, i])
    return total


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    path, stills, states, since, turns, switches = state
    closes, enters, leaves = history.close, params.enter, params.leave
    series, nth, close_now, close_before = bars.series, bars.n, bars.close, bars.previous_close
    for k in range(len(series)):
        i, n, close = series[k], nth[k], close_now[k]
        new = _moved(close, close_before[k]) if n > 1 else 0.0
        still = 0 if new > 0.0 else stills[i] + 1
        stills[i] = still
        for w in range(3):
            window = WINDOWS[w]
            since[i, w] += 1
            if n <= window:
                for column in range(w, SWITCHED, 3):
                    out[k, column], why[k, column] = np.nan, WARMING_UP
                continue
            before = closes[(n - 1 - window) & MASK, i]
            if n == window + 1 or n & LAPS[w] == 0:
                path[i, w] = _summed(closes, i, n, window)
            else:
                path[i, w] += new - _moved(before, closes[(n - 2 - window) & MASK, i])
            moved = still < window
            if not moved:
                path[i, w] = 0.0
            strength = max(-1.0, min((close - before) / path[i, w], 1.0)) if moved else 0.0
            trend = next_state(states[i, w], strength, enters[w], leaves[w])
            turned = trend != states[i, w]
            if turned:
                states[i, w], since[i, w] = trend, 1
            if w == TURNING:
                switches[i] += counted_switches(turns, i, turned)
            out[k, w], why[k, w] = (strength, 0) if moved else (np.nan, EDGE)
            out[k, w + 3], why[k, w + 3] = trend, 0
            out[k, w + 6], why[k, w + 6] = since[i, w], 0
        warm = n >= WARM_UP
        out[k, SWITCHED], why[k, SWITCHED] = (switches[i], 0) if warm else (np.nan, WARMING_UP)


_column = partial(Column, inputs=("close",), driver=Driver.BAR, oracle="naive")
_TIES = "strength against sqrt(60 / window) / pi and half of it"


def _strength(window: int) -> Column:
    return _column(
        f"trend_strength_{window}",
        f"(close - close {window} bars ago) / sum of the {window} absolute changes between them",
        "Kaufman (1995), the efficiency ratio with a sign",
        window=window + 1,
        warm_up=window + 1,
        unit="ratio",
        range=(-1.0, 1.0),
        params={"window": window},
        edges="flat: undefined",
    )


def _state(name: str, at: int, formula: str, unit: str, least: float) -> Column:
    return _column(
        name,
        formula,
        "two thresholds on Kaufman's efficiency ratio",
        window=0,
        warm_up=WARM_UP if name == "trend_switches_120" else WINDOWS[at] + 1,
        unit=unit,
        range=(least, 1.0 if unit == "state" else math.inf),
        params={"window": WINDOWS[at], "enter": ENTER[at], "leave": ENTER[at] / 2},
        ties=_TIES,
    )


NAMES = ("trend_state_20", "trend_state", "trend_state_120")
register(
    Group(
        name="trend",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            *(_strength(window) for window in WINDOWS),
            *(
                _state(
                    name,
                    at,
                    f"1 or -1 once |trend_strength_{WINDOWS[at]}| > {ENTER[at]:.4f}, until it falls below half of that "
                    "that way; else 0",
                    "state",
                    -1.0,
                )
                for at, name in enumerate(NAMES)
            ),
            *(
                _state(f"bars_in_{name}", at, f"bars since {name} last changed, that one included", "bars", 1.0)
                for at, name in enumerate(NAMES)
            ),
            _state("trend_switches_120", TURNING, "bars of the last 120 with which trend_state changed", "bars", 0.0),
        ),
        params=Params(ENTER, (ENTER[0] / 2, ENTER[1] / 2, ENTER[2] / 2)),
        init=init,
        update=update,
        version=2,
    )
)
