"""Close relative to its simple, weighted and Hull moving averages.

Seed:   none: the first value is the first full window's. Hull takes n / 2 and sqrt(n) rounded down.
Edges:  none.
Cost:   O(1) a bar, 46 numbers a series. Kept are the sums of (this close - close in the window), plain and weighted,
        so that moves of 0.01 at 60,000 keep their digits. They slide by changes: where the close moves by d,
        weighted' = weighted - plain + d * n * (n - 1) / 2, and are summed anew every n-th bar.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from schema.ticks import Float64, UInt8

SUMMED = np.array((5, 10, 20, 50, 100, 200, 2, 25))  # the windows, and the halves of Hull's that are none of them
WINDOWS, HULLS = 6, 4  # how many of them are columns
SHARES, WEIGHTS = 1.0 / SUMMED, 2.0 / (SUMMED * (SUMMED + 1.0))  # of one close
LONGER = 0.5 * SUMMED * (SUMMED - 1.0)  # what a move of the close adds to the weighted sum
HALF = np.array((6, 0, 1, 7))  # where the half of a Hull window is summed
SMOOTHED = np.array([math.isqrt(int(window)) for window in SUMMED[:HULLS]])
LATEST = 8  # a power of two, above the longest smoothing
LATER = np.maximum(SMOOTHED - np.arange(LATEST)[:, None], 0.0) / (0.5 * SMOOTHED * (SMOOTHED + 1.0))  # weights, a lag


class Params(NamedTuple):
    windows: tuple[int, ...]


class State(NamedTuple):
    above: Float64  # (series, windows) sum of this close minus each close of the window, quote currency
    weighted: Float64  # (series, windows) the same, weighted n for the last close to 1 for the first
    raw: Float64  # (series, LATEST, Hull windows) close minus (2 WMA(n / 2) - WMA(n)) of the last bars, by slot


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    sums = (series, len(SUMMED))
    return State(np.zeros(sums), np.zeros(sums), np.zeros((series, LATEST, HULLS)))


@njit(cache=True, error_model="numpy")
def _summed(closes: Float64, i: int, n: int, window: int) -> tuple[float, float]:
    above, weighted, close = 0.0, 0.0, past(closes, i, n, 0)
    for lag in range(1, window):
        above += close - past(closes, i, n, lag)
        weighted += (window - lag) * (close - past(closes, i, n, lag))
    return above, weighted


@njit(cache=True, inline="always")
def _slid(above: Float64, weighted: Float64, closes: Float64, i: int, n: int, close: float, move: float) -> None:
    """Move the sums of all windows on to the n-th close."""
    for j in range(len(SUMMED)):
        window = SUMMED[j]
        if window * int((n + 0.5) * SHARES[j]) == n:  # n % window == 0, without a division
            above[i, j], weighted[i, j] = _summed(closes, i, n, window)
        elif n > window:
            weighted[i, j] += LONGER[j] * move - above[i, j]
            above[i, j] += window * move - (close - past(closes, i, n, window))


@njit(cache=True, inline="always")
def _hulls(closes: Float64, raw: Float64, i: int, n: int, close: float, out: Float64, k: int) -> None:
    """Write the n-th close minus the weighted means of the last raw averages."""
    a = b = c = d = 0.0
    for lag in range(LATEST - 1):
        below, slot = close - past(closes, i, n, lag), (n - lag) & (LATEST - 1)
        a += LATER[lag, 0] * (below + raw[i, slot, 0])
        b += LATER[lag, 1] * (below + raw[i, slot, 1])
        c += LATER[lag, 2] * (below + raw[i, slot, 2])
        d += LATER[lag, 3] * (below + raw[i, slot, 3])
    out[k, 2 * WINDOWS], out[k, 2 * WINDOWS + 1], out[k, 2 * WINDOWS + 2], out[k, 2 * WINDOWS + 3] = a, b, c, d


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    above, weighted, raw, closes = state.above, state.weighted, state.raw, history.close
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        move = close - bars.previous_close[k]
        _slid(above, weighted, closes, i, n, close, move)
        for j in range(WINDOWS):
            out[k, j] = above[i, j] * SHARES[j]
            out[k, WINDOWS + j] = weighted[i, j] * WEIGHTS[j]
        for j in range(HULLS):
            half = HALF[j]
            raw[i, n & (LATEST - 1), j] = 2.0 * weighted[i, half] * WEIGHTS[half] - weighted[i, j] * WEIGHTS[j]
        _hulls(closes, raw, i, n, close, out, k)
        for j in range(2 * WINDOWS + HULLS):
            out[k, j] = out[k, j] / (close - out[k, j])
        for j in range(2 * WINDOWS + HULLS):  # apart from the divisions, which then go four at a time
            why[k, j] = 0
        if n < SUMMED[WINDOWS - 1]:
            _warming_up(n, k, out, why)


@njit(cache=True, inline="always")
def _warming_up(n: int, k: int, out: Float64, why: UInt8) -> None:
    for j in range(len(READY)):
        if n < READY[j]:
            out[k, j], why[k, j] = np.nan, WARMING_UP


def _columns(kind: str, formula: str, source: str, windows: list[int], oracle: str) -> tuple[Column, ...]:
    """Return the rows of one average over several windows."""
    hull = kind == "hma"
    return tuple(
        Column(
            name=f"{kind}_ratio_{window}",
            formula=formula.replace("n)", f"{window})"),
            source=source,
            inputs=("close",),
            driver=Driver.BAR,
            window=window + (math.isqrt(window) - 1) * hull,
            warm_up=window + (math.isqrt(window) - 1) * hull,
            unit="ratio",
            range=(-1.0, float("inf")),
            oracle=oracle,
            params={"window": window},
        )
        for window in windows
    )


ALL = SUMMED[:WINDOWS].tolist()
RAW = "2 WMA(close, m) - WMA(close, n), m = n / 2 and s = sqrt(n) rounded down"
COLUMNS = (
    *_columns("sma", "close / mean(close, n) - 1", "TA-Lib SMA", ALL, "talib.SMA"),
    *_columns("wma", "close / WMA(close, n) - 1, weights n for the last close to 1", "TA-Lib WMA", ALL, "talib.WMA"),
    *_columns("hma", f"close / WMA(raw, s) - 1, raw = {RAW}", "Hull (2005)", ALL[:HULLS], "talib.WMA"),
)
READY = np.array([column.warm_up for column in COLUMNS])
register(
    Group(
        name="sma_ratio",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(tuple(ALL)),
        init=init,
        update=update,
        version=3,
    )
)
