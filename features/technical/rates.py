"""Rates of change: ROC, Coppock's average of two, and the close against its past trend.

Seed:   none.
Edges:  none.
Cost:   O(1) a bar, 3 numbers a series: running sums, summed anew once a window.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from schema.ticks import Float64, UInt8

RATE, COPPOCK, TREND = 10, 10, 20
LONG, SHORT = 14, 11  # the rates in Coppock's average
READY = np.array((RATE + 1, TREND, LONG + COPPOCK))  # bars, a column


class Params(NamedTuple):
    rate: int
    coppock: tuple[int, int, int]
    trend: int


class State(NamedTuple):
    both: Float64  # (series, 2) sum of the last COPPOCK pairs of rates, plain and weighted
    above: Float64  # (series,) sum of this close minus each of the last TREND, quote currency


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, 2)), np.zeros(n))


@njit(cache=True, inline="always")
def _rate(closes: Float64, i: int, n: int, lag: int, over: int) -> float:
    """Return the relative change over `over` bars up to `lag` bars ago."""
    old = past(closes, i, n, lag + over)
    return (past(closes, i, n, lag) - old) / old


@njit(cache=True, inline="always")
def _pair(closes: Float64, i: int, n: int, lag: int) -> float:
    return _rate(closes, i, n, lag, LONG) + _rate(closes, i, n, lag, SHORT)


@njit(cache=True, inline="always")
def _coppock(both: Float64, closes: Float64, i: int, n: int) -> float:
    """Slide the sums of pairs on; return their weighted mean, percent."""
    if n % COPPOCK == 0 or n == LONG + COPPOCK:
        both[i, 0] = both[i, 1] = 0.0
        for lag in range(COPPOCK):
            pair = _pair(closes, i, n, lag)
            both[i, 0] += pair
            both[i, 1] += (COPPOCK - lag) * pair
    else:
        pair = _pair(closes, i, n, 0)
        both[i, 1] += COPPOCK * pair - both[i, 0]
        both[i, 0] += pair - _pair(closes, i, n, COPPOCK)
    return float(100.0 * both[i, 1] / (0.5 * COPPOCK * (COPPOCK + 1.0)))


@njit(cache=True, inline="always")
def _above(above: Float64, closes: Float64, i: int, n: int) -> float:
    """Slide the sum of deviations on; return the close minus the mean of the last TREND."""
    close = past(closes, i, n, 0)
    if n % TREND == 0:
        above[i] = 0.0
        for lag in range(1, TREND):
            above[i] += close - past(closes, i, n, lag)
    else:
        above[i] += TREND * (close - past(closes, i, n, 1)) - (close - past(closes, i, n, TREND))
    return float(above[i] / TREND)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    closes, both, deviations = history.close, state.both, state.above
    series, nth, close_now = bars.series, bars.n, bars.close
    for k in range(len(series)):
        i, n, close = series[k], nth[k], close_now[k]
        for j in range(len(READY)):
            out[k, j], why[k, j] = np.nan, WARMING_UP if n < READY[j] else 0
        if n > RATE:
            out[k, 0] = 100.0 * _rate(closes, i, n, 0, RATE)
        if n >= TREND:
            above = _above(deviations, closes, i, n)
            out[k, 1] = (past(closes, i, n, TREND // 2 + 1) - close + above) / (close - above)
        if n >= LONG + COPPOCK:
            out[k, 2] = _coppock(both, closes, i, n)


_column = partial(Column, inputs=("close",), driver=Driver.BAR, unit="percent", range=(float("-inf"), float("inf")))
register(
    Group(
        name="rates",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "roc_10", "100 * (close / close 10 bars ago - 1)", "TA-Lib ROC",
                window=RATE + 1, warm_up=RATE + 1, oracle="talib.ROC", params={"window": RATE},
            ),
            _column(
                "dpo_ratio_20", "close 11 bars ago / mean(close, 20) - 1", "Lambert's detrended price oscillator",
                window=TREND, warm_up=TREND, oracle="talib.SMA", unit="ratio", params={"window": TREND},
            ),
            _column(
                "coppock", "WMA(ROC(close, 14) + ROC(close, 11), 10)", "Coppock (1962), in bars",
                window=LONG + COPPOCK, warm_up=LONG + COPPOCK, oracle="talib.WMA, talib.ROC",
                params={"window": COPPOCK, "long": LONG, "short": SHORT},
            ),
        ),
        params=Params(RATE, (COPPOCK, LONG, SHORT), TREND),
        init=init,
        update=update,
    )
)  # fmt: skip
