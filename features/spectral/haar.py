"""Energy of the last 128 log returns in octaves, by Haar wavelets: slow swings or fast ones.

The maximal-overlap transform, its filters trailing, so that it never looks ahead: at level j a coefficient is the mean
of the last h = 2^(j - 1) returns less that of the h before them, over 2. A level's energy is the sum of the last 128
coefficients squared. Sums slide; they are computed afresh once a lap, and when the energy falls below 1e-4 of the
largest since then.

Seed:   none.
Edges:  EDGE where no level has energy: all returns 0 (less than 1e-12 is none), or their energy below 1e-24 of the last
        one squared.
Cost:   O(levels) a bar and O(levels * 192) a lap, 22 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.spectral.sliding_dft import moved
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

LEVELS: Final = 6
WINDOW: Final = 128  # coefficients
RETURNS: Final = WINDOW + 2**LEVELS - 1  # that they are made of
FADED, NO_POWER, FLOOR = 1e-4, 1e-24, 1e-12
EDGE: Final = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    levels: int
    faded: float
    no_power: float


class State(NamedTuple):
    newest: Float64  # (series, LEVELS + 1) sums of the last 1, 2, 4 .. 64 returns
    leaving: Float64  # (series, LEVELS + 1) the same, WINDOW bars ago
    energy: Float64  # (series, LEVELS)
    peak: Float64  # (series,) largest energy since the sums were computed afresh
    still: Int64  # (series,) returns of 0 since the last other one


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    sums, leaving = np.zeros((n, LEVELS + 1)), np.zeros((n, LEVELS + 1))
    return State(sums, leaving, np.zeros((n, LEVELS)), np.zeros(n), np.zeros(n, np.int64))


@njit(cache=True)
def rebuild(state: State, i: int, n: int, returns: Float64, sums: Float64) -> None:
    """Compute all sums afresh; `sums` is room for RETURNS + 1 numbers."""
    for m in range(len(sums)):
        sums[m] = moved(past(returns, i, n, len(sums) - 1 - m))
    for level in range(LEVELS + 1):
        h = 1 << level
        state.newest[i, level], state.leaving[i, level] = sums[len(sums) - 1], sums[len(sums) - 1 - WINDOW]
        if level < LEVELS:
            state.energy[i, level] = 0.0
            for m in range(len(sums) - 1, h - 1, -1):
                if m >= len(sums) - WINDOW:
                    state.energy[i, level] += ((sums[m] - sums[m - h]) / (2 * h)) ** 2
                sums[m] += sums[m - h]


@njit(cache=True)
def slide(state: State, i: int, n: int, returns: Float64, newest: float) -> None:
    oldest = moved(past(returns, i, n, WINDOW))
    before = before_oldest = 0.0
    for level in range(LEVELS + 1):
        h = 1 << level
        state.newest[i, level] += newest - moved(past(returns, i, n, h))
        state.leaving[i, level] += oldest - moved(past(returns, i, n, WINDOW + h))
        if level > 0:
            come = (2.0 * before - state.newest[i, level]) / h
            gone = (2.0 * before_oldest - state.leaving[i, level]) / h
            state.energy[i, level - 1] += come * come - gone * gone
        before, before_oldest = state.newest[i, level], state.leaving[i, level]


@njit(cache=True)
def total_of(energy: Float64) -> float:
    """Return the sum of all levels' energies, none below 0."""
    total = 0.0
    for level in range(LEVELS):
        total += max(energy[level], 0.0)
    return total


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    sums = np.empty(RETURNS + 1)
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        newest = moved(bars.log_return[k])
        state.still[i] = 0 if newest != 0.0 or n == 1 else state.still[i] + 1
        out[k, :], why[k, :] = np.nan, WARMING_UP if n <= RETURNS else EDGE
        slide(state, i, n, history.log_return, newest)
        total = total_of(state.energy[i])
        if state.still[i] < RETURNS and (n % params.window == 0 or total < params.faded * state.peak[i]):
            rebuild(state, i, n, history.log_return, sums)
            total = state.peak[i] = total_of(state.energy[i])
        state.peak[i] = max(state.peak[i], total)
        if state.still[i] >= RETURNS:
            state.newest[i, :], state.leaving[i, :], state.energy[i, :] = 0.0, 0.0, 0.0
            state.peak[i] = 0.0
        elif n > RETURNS and total > params.no_power * newest * newest:
            entropy = 0.0
            for level in range(LEVELS):
                share = max(state.energy[i, level], 0.0) / total
                entropy -= share * math.log(max(share, FLOOR))
                out[k, level] = share
            out[k, LEVELS] = min(max(entropy / math.log(LEVELS), 0.0), 1.0)
            why[k, :] = 0


_column = partial(
    Column,
    source="Percival and Walden (2000), Wavelet Methods for Time Series Analysis",
    inputs=("log_return",),
    driver=Driver.BAR,
    window=RETURNS + 1,
    warm_up=RETURNS + 1,
    unit="ratio",
    oracle="naive, in long double",
    params={"window": WINDOW, "levels": LEVELS},
    edges="all returns equal: undefined",
)
register(
    Group(
        name="haar",
        family=Family.SPECTRAL,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    f"haar_share_{2**level}_{WINDOW}",
                    f"energy of level {level}, swings of {2**level} to {2 ** (level + 1)} bars / energy of all levels",
                    range=(0.0, 1.0 + 1e-9),
                )
                for level in range(1, LEVELS + 1)
            ),
            _column(f"haar_entropy_{WINDOW}", "-sum of p log p / log 6 over the levels' shares p", range=(0.0, 1.0)),
        ),
        params=Params(WINDOW, LEVELS, FADED, NO_POWER),
        init=init,
        update=update,
    )
)
