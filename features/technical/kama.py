"""Close relative to Kaufman's adaptive moving average.

Seed:   the close of bar n, as TA-Lib; the first value comes with bar n + 1.
Edges:  where the closes of the window are all equal, the efficiency ratio is 1, as TA-Lib.
Cost:   O(1) a bar, 2 numbers a series and window: the close's deviation from its average, so that moves of 0.01 at
        60,000 keep their digits, and the window's sum of moves, which is summed anew every n-th bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, settled
from features.inputs import BarInputs, History, past
from features.technical.chain import stand
from features.ties import TIE
from schema.ticks import Float64, UInt8

WINDOWS = np.array((5, 10, 20, 50, 100, 200))
SHARES = 1.0 / WINDOWS
FASTEST, SLOWEST = 2.0 / 3.0, 2.0 / 31.0  # shares of the way to the close, before they are squared
READY = WINDOWS + 1
CONVERGED = READY + burn_in(1 - SLOWEST**2)
LAST = int(CONVERGED.max())


class Params(NamedTuple):
    fastest: float
    slowest: float


class State(NamedTuple):
    deviation: Float64  # (series, windows) close minus its average, quote currency
    path: Float64  # (series, windows) sum of the window's moves


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros((n_symbols * n_timeframes, len(WINDOWS))) for _ in State._fields))


@njit(cache=True, inline="always")
def _distance(new: float, old: float) -> float:
    distance = abs(new - old)
    return distance if distance > TIE * new else 0.0


@njit(cache=True, inline="always")
def _path(closes: Float64, i: int, n: int, window: int) -> float:
    total = 0.0
    for lag in range(window):
        total += _distance(past(closes, i, n, lag), past(closes, i, n, lag + 1))
    return total


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    deviation, path, closes = state.deviation, state.path, history.close
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        last = bars.previous_close[k]
        for j in range(len(WINDOWS)):
            window = WINDOWS[j]
            if n <= window:
                deviation[i, j] = out[k, j] = 0.0
                continue
            start = past(closes, i, n, window)
            if window * int((n + 0.5) * SHARES[j]) == n or n == window + 1:  # n % window == 0, without a division
                path[i, j] = _path(closes, i, n, window)
            else:
                path[i, j] += _distance(close, last)
                path[i, j] -= _distance(start, past(closes, i, n, window + 1))
            efficiency = min(abs(close - start) / path[i, j], 1.0) if path[i, j] > TIE * close else 1.0
            keep = 1.0 - (efficiency * (params.fastest - params.slowest) + params.slowest) ** 2
            deviation[i, j] = settled(keep * (deviation[i, j] + (close - last)), close)
            out[k, j] = deviation[i, j]
        for j in range(len(WINDOWS)):
            out[k, j] = out[k, j] / (close - out[k, j])
        stand(n, READY, CONVERGED, LAST, k, out, why)


register(
    Group(
        name="kama_ratio",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=f"kama_ratio_{window}",
                formula=f"close / KAMA(close, {window}) - 1, between EMAs of 2 and 30 by the efficiency ratio",
                source="Kaufman (1995); TA-Lib KAMA",
                inputs=("close",),
                driver=Driver.BAR,
                window=0,
                warm_up=window + 1,
                unit="ratio",
                range=(-1.0, float("inf")),
                oracle="talib.KAMA",
                params={"window": window, "converged": converged},
                edges="flat: efficiency 1",
                ties="moves of less than 1e-12 of the price are none",
            )
            for window, converged in zip(WINDOWS.tolist(), CONVERGED.tolist())
        ),
        params=Params(FASTEST, SLOWEST),
        init=init,
        update=update,
    )
)
