"""Where volatility stands among its last values: 0 the quietest of them, 1 the wildest.

Seed:   the variance starts with the mean of the first 20 squared returns.
Edges:  equal variances count half (a series that never moved stands at 0.5).
Cost:   O(n) a bar, 1.5 n + 1 numbers a series: the last variances are counted through, rounded where that tells them
        apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, standing
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.ticks import Float64, UInt8

SPAN, WINDOW = 20, 120
WARM_UP = SPAN + WINDOW
CONVERGED = WARM_UP + burn_in(1 - 2 / (SPAN + 1))
NEGLIGIBLE = TIE * TIE  # a squared return below it is none


class Params(NamedTuple):
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    variance: Float64  # (series,) exponentially weighted mean of squared log returns
    before: Float64  # (series, WINDOW) its last values
    rounded: NDArray[np.float32]  # (series, WINDOW) the same, half as long to read


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros(series), np.zeros((series, WINDOW)), np.zeros((series, WINDOW), np.float32))


@njit(cache=True, inline="always")
def variance_after(variance: float, change: float, n: int, span: int, negligible: float) -> float:
    """Return the weighted mean of squared returns after the n-th bar: their plain mean up to `span` of them."""
    alpha = 1.0 / (n - 1.0) if n <= span + 1 else 2.0 / (span + 1.0)
    now = variance * (1.0 - alpha) + alpha * (change * change)
    return now if now > negligible else 0.0


@njit(cache=True, inline="always")
def _rank(values: Float64, rounded: NDArray[np.float32], i: int, value: float) -> float:
    """Return the value's place; what rounding doesn't make equal to it, it leaves in order."""
    below, not_above, near = np.int32(0), np.int32(0), np.float32(value)
    for slot in range(WINDOW):
        below += np.int32(rounded[i, slot] < near)
        not_above += np.int32(rounded[i, slot] <= near)
    if not_above - below > 1:
        below = not_above = np.int32(0)
        for slot in range(WINDOW):
            below += np.int32(values[i, slot] < value)
            not_above += np.int32(values[i, slot] <= value)
    return 0.5 * (below + not_above - 1) / (WINDOW - 1.0)  # the value itself is among them


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    series, nth, log_return = bars.series, bars.n, bars.log_return
    variances, before, rounded = state
    for k in range(len(series)):
        i, n = series[k], nth[k]
        variance = variances[i]
        if n > 1:
            variance = variance_after(variance, log_return[k], n, SPAN, params.negligible)
            variances[i] = before[i, n % WINDOW] = variance
            rounded[i, n % WINDOW] = np.float32(variance)
        out[k, 0] = _rank(before, rounded, i, variance) if n >= WARM_UP else np.nan
        why[k, 0] = standing(n, WARM_UP, params.converged)


register(
    Group(
        name="volatility_rank",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            Column(
                name="volatility_percentile_120",
                formula="share of the 119 variances before that lie below this one, equal ones half; "
                "variance = EMA(log return ** 2, 20)",
                source="definition; scipy.stats.percentileofscore (mean)",
                inputs=("close",),
                driver=Driver.BAR,
                window=0,
                warm_up=WARM_UP,
                unit="share",
                range=(0.0, 1.0),
                oracle="naive",
                params={"span": SPAN, "window": WINDOW, "converged": CONVERGED},
                ties="equal variances count half",
            ),
        ),
        params=Params(CONVERGED, NEGLIGIBLE),
        init=init,
        update=update,
    )
)
