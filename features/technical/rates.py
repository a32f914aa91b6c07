"""Rates of change and what is smoothed from them: Coppock, KST, and the close against its past trend.

Seed:   none.
Edges:  none.
Cost:   O(1) a bar, 16 numbers a series: running sums of rates, summed anew once a window, and the last 9 KST.
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

RATE, COPPOCK, TREND, SIGNAL = 10, 10, 20, 9
LONG, SHORT = 14, 11  # the rates in Coppock's average
RATES, SMOOTHED = np.array((10, 15, 20, 30)), np.array((10, 10, 10, 15))  # of KST, weighted 1 to 4
KNOWN = 45  # bars until KST's longest average is whole
SIGNALLED = KNOWN + SIGNAL - 1
READY = np.array((RATE + 1, TREND, LONG + COPPOCK, KNOWN, SIGNALLED))  # bars, a column


class Params(NamedTuple):
    rates: tuple[int, ...]
    smoothed: tuple[int, ...]
    signal: int
    coppock: tuple[int, int, int]
    trend: int


class State(NamedTuple):
    sums: Float64  # (series, 4) of the last rates that KST smooths
    both: Float64  # (series, 2) sum of the last COPPOCK pairs of rates, plain and weighted
    above: Float64  # (series,) sum of this close minus each of the last TREND, quote currency
    last: Float64  # (SIGNAL, series) the last KST, unordered, percent


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, 4)), np.zeros((n, 2)), np.zeros(n), np.zeros((SIGNAL, n)))


@njit(cache=True, inline="always")
def _rate(closes: Float64, i: int, n: int, lag: int, over: int) -> float:
    """Return the relative change over `over` bars up to `lag` bars ago."""
    old = past(closes, i, n, lag + over)
    return (past(closes, i, n, lag) - old) / old


@njit(cache=True, inline="always")
def _pair(closes: Float64, i: int, n: int, lag: int) -> float:
    return _rate(closes, i, n, lag, LONG) + _rate(closes, i, n, lag, SHORT)


@njit(cache=True, error_model="numpy")
def _summed(sums: Float64, closes: Float64, i: int, n: int, j: int) -> None:
    sums[i, j] = 0.0
    for lag in range(SMOOTHED[j]):
        sums[i, j] += _rate(closes, i, n, lag, RATES[j])


@njit(cache=True, error_model="numpy")
def _known(sums: Float64, closes: Float64, i: int, n: int) -> float:
    """Slide the sums of rates on; return KST, percent, once all are whole."""
    tens, total = n % 10 == 0, 0.0
    for j in range(4):
        window, over = SMOOTHED[j], RATES[j]
        if n < window + over:
            continue
        if n == window + over or (tens if j < 3 else n % 15 == 0):
            _summed(sums, closes, i, n, j)
        else:
            sums[i, j] += _rate(closes, i, n, 0, over) - _rate(closes, i, n, window, over)
        total += (j + 1.0) * sums[i, j] / window
    return 100.0 * total


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
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
    closes, last, sums, both, deviations = history.close, state.last, state.sums, state.both, state.above
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        for j in range(len(READY)):
            out[k, j], why[k, j] = np.nan, WARMING_UP if n < READY[j] else 0
        if n > RATE:
            out[k, 0] = 100.0 * _rate(closes, i, n, 0, RATE)
        if n >= TREND:
            above = _above(deviations, closes, i, n)
            out[k, 1] = (past(closes, i, n, TREND // 2 + 1) - close + above) / (close - above)
        if n >= LONG + COPPOCK:
            out[k, 2] = _coppock(both, closes, i, n)
        known = _known(sums, closes, i, n)
        if n >= KNOWN:
            out[k, 3] = known
            last[n % SIGNAL, i] = known
        if n >= SIGNALLED:
            total = 0.0
            for j in range(SIGNAL):
                total += last[j, i]
            out[k, 4] = total / SIGNAL


_column = partial(Column, inputs=("close",), driver=Driver.BAR, unit="percent", range=(float("-inf"), float("inf")))
KST = "sum of j * mean(ROC(close, r), s) over (r, s) = (10, 10), (15, 10), (20, 10), (30, 15), j = 1 to 4"
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
            _column("kst", KST, "Pring (1992)", window=KNOWN, warm_up=KNOWN, oracle="talib.SMA, talib.ROC"),
            _column(
                "kst_signal_9", "mean of the last 9 kst", "Pring (1992)",
                window=SIGNALLED, warm_up=SIGNALLED, oracle="talib.SMA, talib.ROC", params={"signal": SIGNAL},
            ),
        ),
        params=Params(tuple(RATES.tolist()), tuple(SMOOTHED.tolist()), SIGNAL, (COPPOCK, LONG, SHORT), TREND),
        init=init,
        update=update,
    )
)  # fmt: skip
