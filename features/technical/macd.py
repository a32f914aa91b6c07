"""Moving average convergence and divergence, relative to the close.

Seed:   as TA-Lib: the slow average with the mean of the first 26 closes, the fast one at the same bar with the mean
        of its last 12, the signal with the mean of the first 9 lines. All three columns start with the signal.
Edges:  none.
Cost:   O(1) a bar, 3 numbers a series. Line = (close - slow average) - (close - fast average), and these
        deviations are what is kept, so that moves of 0.01 at 60,000 keep their digits.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, settled, standing
from features.inputs import BarInputs, History
from features.technical.chain import mean_deviation
from schema.ticks import Float64, UInt8

FAST, SLOW, SIGNAL = 12, 26, 9
WARM_UP = SLOW + SIGNAL - 1
CONVERGED = WARM_UP + burn_in(1 - 2 / (SLOW + 1), stages=2)


class Params(NamedTuple):
    fast: int
    slow: int
    signal: int
    converged: int  # bars


class State(NamedTuple):
    fast: Float64  # (series,) close minus its fast average, quote currency
    slow: Float64  # (series,) close minus its slow average
    signal: Float64  # (series,) mean of the lines while seeding, then their average


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    warm_up = params.slow + params.signal - 1
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        if n == params.slow:
            state.fast[i] = mean_deviation(history.close, i, n, params.fast)
            state.slow[i] = mean_deviation(history.close, i, n, params.slow)
        elif n > params.slow:
            change = close - bars.previous_close[k]
            state.fast[i] = settled((1.0 - 2.0 / (params.fast + 1.0)) * (state.fast[i] + change), close)
            state.slow[i] = settled((1.0 - 2.0 / (params.slow + 1.0)) * (state.slow[i] + change), close)
        line = state.slow[i] - state.fast[i]
        if params.slow <= n <= warm_up:
            state.signal[i] += (line - state.signal[i]) / (n - params.slow + 1)
        elif n > warm_up:
            state.signal[i] = settled(state.signal[i] + 2.0 / (params.signal + 1.0) * (line - state.signal[i]), close)
        ready = n >= warm_up
        out[k, 0] = line / close if ready else np.nan
        out[k, 1] = state.signal[i] / close if ready else np.nan
        out[k, 2] = (line - state.signal[i]) / close if ready else np.nan
        why[k, :] = standing(n, warm_up, params.converged)


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    unit="ratio",
    range=(float("-inf"), float("inf")),
    oracle="talib.MACD",
    params={"fast": FAST, "slow": SLOW, "signal": SIGNAL, "converged": CONVERGED},
)
register(
    Group(
        name="macd",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column("macd_ratio", "(EMA(close, 12) - EMA(close, 26)) / close", "TA-Lib MACD"),
            _column("macd_signal_ratio", "EMA(EMA(close, 12) - EMA(close, 26), 9) / close", "TA-Lib MACD"),
            _column("macd_histogram_ratio", "macd_ratio - macd_signal_ratio", "TA-Lib MACD"),
        ),
        params=Params(FAST, SLOW, SIGNAL, CONVERGED),
        init=init,
        update=update,
    )
)
