"""Bayesian online change points: how long ago the distribution of standardised log returns last changed.

Run lengths 0 .. 15 are told apart, 15 stands for all beyond and remembers its last 15 returns. Each bar starts a new
run with probability 1/32. Within a run returns are normal with unknown mean and precision (normal-gamma prior: mean
0, kappa 1, alpha 1, beta 1 in deviations). A return is divided by the volatility known before it (span 20) and
counts at most 8 deviations.

Seed:   a new run; the variance starts with the mean of the first 20 squared returns.
Edges:  undefined, and all stays, while the volatility is 0.
Cost:   O(16) a bar in loops that vectorise (a root and a division each: the Student-t density of a run is a whole
        power of the ratio of its spread before and after), 49 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, standing
from features.inputs import BarInputs, History
from features.regime.volatility_rank import variance_after
from features.regime.windows import leave_undefined
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

SPAN, MOST, RUNS = 20, 8.0, 16
HAZARD = 1 / 32
WARM_UP = SPAN + 2
CONVERGED = WARM_UP + burn_in(1 - 2 / (SPAN + 1)) + burn_in(1 - HAZARD)
EDGE = int(Why.EDGE)
LENGTH = np.arange(RUNS, dtype=np.float64)
GAIN = 1 / (LENGTH + 2)  # of a return in the mean of its run
HALF = (LENGTH + 1) / (2 * (LENGTH + 2))  # of a squared deviation in the spread of its run
DENSITY = np.array(
    [math.gamma(1.5 + r / 2) / math.gamma(1 + r / 2) * math.sqrt((r + 1) / (r + 2)) for r in range(RUNS)]
)


class Params(NamedTuple):
    most: float  # deviations
    hazard: float  # probability of a change a bar
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    variance: Float64  # (series,) exponentially weighted mean of squared log returns
    weight: Float64  # (series, RUNS) probability of each run length
    mean: Float64  # (series, RUNS) posterior mean, deviations
    root: Float64  # (series, RUNS) root of the posterior beta


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    weight = np.zeros((n, RUNS))
    weight[:, 0] = 1.0
    return State(np.zeros(n), weight, np.zeros((n, RUNS)), np.ones((n, RUNS)))


@njit(cache=True, inline="always")
def _weighed(
    z: float, weight: Float64, mean: Float64, root: Float64, i: int, grown: Float64, roots: Float64, means: Float64
) -> None:
    """Put into `grown` each weight times the density of z in its run; into the others what the run is after it."""
    for r in range(RUNS):
        apart = z - mean[i, r]
        after = math.sqrt(root[i, r] * root[i, r] + HALF[r] * (apart * apart))
        inverse = 1.0 / after
        s = root[i, r] * inverse
        s2 = s * s
        s4 = s2 * s2
        power = s2 * (s if r & 1 else 1.0) * (s2 if r & 2 else 1.0)  # s ** (r + 2)
        power *= (s4 if r & 4 else 1.0) * (s4 * s4 if r & 8 else 1.0)
        roots[r] = after
        grown[r] = weight[i, r] * (DENSITY[r] * power * inverse)
    for r in range(RUNS):
        means[r] = mean[i, r] + GAIN[r] * (z - mean[i, r])


@njit(cache=True, inline="always")
def _total(values: Float64, room: Float64) -> float:
    """Return the sum of RUNS values, halving them."""
    for r in range(8):
        room[r] = values[r] + values[r + 8]
    whole: float = ((room[0] + room[4]) + (room[1] + room[5])) + ((room[2] + room[6]) + (room[3] + room[7]))
    return whole


@njit(cache=True, error_model="numpy")  # a division that may raise would not vectorise
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    grown, roots, means, room = np.empty(RUNS), np.empty(RUNS), np.empty(RUNS), np.empty(RUNS)
    variances, weight, mean, root = state
    series, nth, log_return, hazard, last = bars.series, bars.n, bars.log_return, params.hazard, RUNS - 1
    for k in range(len(series)):
        i, n, change = series[k], nth[k], log_return[k]
        variance = variances[i]
        if n < WARM_UP or variance == 0.0:
            leave_undefined(out, why, k, 2, WARMING_UP if n < WARM_UP else EDGE)
        else:
            z = max(-params.most, min(change / math.sqrt(variance), params.most))
            _weighed(z, weight, mean, root, i, grown, roots, means)
            scale = (1.0 - hazard) / _total(grown, room)
            longest = grown[last] * scale
            for r in range(last):  # one array a loop, so that each vectorises
                mean[i, r + 1] = means[r]
            for r in range(last):
                root[i, r + 1] = roots[r]
            for r in range(last):
                weight[i, r + 1] = grown[r] * scale
            weight[i, 0] = hazard
            weight[i, last] += longest
            for r in range(RUNS):
                roots[r] = LENGTH[r] * weight[i, r]
            recent = weight[i, 0] + weight[i, 1] + weight[i, 2] + weight[i, 3] + weight[i, 4]
            out[k, 0], out[k, 1] = min(recent, 1.0), min(_total(roots, room), RUNS - 1.0)
            why[k, 0] = why[k, 1] = standing(n, WARM_UP, params.converged)
        if n > 1:
            variances[i] = variance_after(variance, change, n, SPAN, params.negligible)


_column = partial(
    Column,
    source="Adams and MacKay (2007); Murphy (2007), the normal-gamma model",
    inputs=("close",),
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    oracle="naive, scipy.stats.t",
    params={"span": SPAN, "hazard": HAZARD, "longest": RUNS - 1, "most": MOST, "converged": CONVERGED},
    edges="no volatility: undefined",
)
register(
    Group(
        name="change_point",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _column(
                "change_point_probability_5",
                "probability that the run of returns has length 0 to 4",
                unit="probability",
                range=(0.0, 1.0),
            ),
            _column(
                "expected_run_length",
                "mean of the run length, 15 for all longer ones",
                unit="bars",
                range=(0.0, RUNS - 1.0),
            ),
        ),
        params=Params(MOST, HAZARD, CONVERGED, TIE * TIE),
        init=init,
        update=update,
        version=2,
    )
)
