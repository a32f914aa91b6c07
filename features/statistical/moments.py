"""Shape and dependence of the last 60 log returns: skewness, kurtosis, autocorrelation, variance ratio.

Seed:   none.
Edges:  undefined where the returns are equal (up to 1e-10 of their size: equal but for rounding).
Cost:   O(n) a bar in two passes, no state: powers of a return that left the window would drown the others' in a
        running sum.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.statistical.volatility import FLAT
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 60
HOLDING = 5  # returns that the variance ratio adds up; the kernel keeps so many in variables
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    flat: float


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        if n <= window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        total = size = 0.0
        for lag in range(window):
            value = past(history.log_return, i, n, lag)
            total += value - last
            size += value * value
        mean = total / window
        second = third = fourth = lagged = held = 0.0
        d1 = d2 = d3 = d4 = 0.0  # the deviations of the returns 1 .. 4 bars later
        for lag in range(window):
            d = (past(history.log_return, i, n, lag) - last) - mean
            square = d * d
            second += square
            third += square * d
            fourth += square * square
            lagged += d * d1
            if lag >= HOLDING - 1:
                five = d + d1 + d2 + d3 + d4
                held += five * five
            d1, d2, d3, d4 = d, d1, d2, d3
        if second <= max(params.flat * size, TIE * TIE):
            out[k, :], why[k, :] = np.nan, EDGE
            continue
        variance = second / window
        out[k, 0] = third / window / variance**1.5
        out[k, 1] = fourth / window / (variance * variance) - 3.0
        out[k, 2] = lagged / second
        overlapping = HOLDING * (window - HOLDING + 1) * (1.0 - HOLDING / window)
        out[k, 3] = (held / overlapping) / (second / (window - 1.0))
        why[k, :] = 0


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=WINDOW + 1,
    warm_up=WINDOW + 1,
    unit="ratio",
    params={"window": WINDOW},
    edges="equal returns: undefined",
)
register(
    Group(
        name="moments",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "skewness_60",
                "m3 / m2 ** 1.5, central moments of the last 60 log returns",
                "scipy.stats.skew (biased)",
                range=(-7.7, 7.7),
                oracle="naive; scipy.stats.skew",
            ),
            _column(
                "kurtosis_60",
                "m4 / m2 ** 2 - 3, central moments of the last 60 log returns",
                "scipy.stats.kurtosis (Fisher, biased)",
                range=(-2.0, 57.0),
                oracle="naive; scipy.stats.kurtosis",
            ),
            _column(
                "autocorrelation_1_60",
                "sum of d[t] * d[t - 1] over sum of d ** 2, d = log return - mean of the last 60",
                "Box and Jenkins; statsmodels acf (adjusted=False)",
                range=(-1.0, 1.0),
                oracle="naive; statsmodels acf",
            ),
            _column(
                "variance_ratio_5_60",
                "variance of overlapping sums of 5 / (5 * variance), over the last 60 log returns, both unbiased",
                "Lo and MacKinlay (1988)",
                range=(0.0, 6.0),
                oracle="naive",
                params={"window": WINDOW, "holding": HOLDING},
            ),
        ),
        params=Params(WINDOW, FLAT),
        init=no_state,
        update=update,
    )
)
