"""Relative strength index, and where it stands in its own range (StochRSI).

Seed:   mean of the first n gains and losses, then Wilder's smoothing, as TA-Lib.
Edges:  undefined where neither gain nor loss is left: a flat series (TA-Lib gives 0 there, others 50 or 100). A
        remembered move below 1e-30 of the price counts as none. StochRSI is undefined where one of its RSIs is, or
        where they span less than 1e-9 percent (TA-Lib gives 0); its mean where one of its three is.
Cost:   O(1) a bar for the RSI, O(n) for StochRSI; 26 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, settled, standing
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS = np.array((7, 14, 21))
CONVERGED = np.array([window + 1 + burn_in(1 - 1 / window) for window in WINDOWS.tolist()])
RANKED, RANKS, SMOOTHING = 1, 14, 3  # StochRSI: of which RSI, among how many, and the mean of how many
STILL = 1e-9  # percent: an RSI that moves less does not move
EDGE, NOT_CONVERGED = int(Why.EDGE), int(Why.NOT_CONVERGED)


class Params(NamedTuple):
    windows: tuple[int, ...]
    ranks: int
    smoothing: int


class State(NamedTuple):
    gain: Float64  # (series, windows) sum of the first gains while seeding, then their average, quote currency
    loss: Float64
    recent: Float64  # (series, RANKS) the last RSIs, unordered, percent
    defined: Int64  # (series,) bars in a row whose RSI is defined
    ranked: Int64  # (series,) bars in a row whose StochRSI is
    place: Float64  # (series, 2) the last two StochRSIs, percent


def init(n_symbols: int, n_timeframes: int) -> State:
    n, zeros = n_symbols * n_timeframes, np.zeros
    averages = (n, len(WINDOWS))
    defined, ranked = zeros(n, np.int64), zeros(n, np.int64)
    return State(zeros(averages), zeros(averages), zeros((n, RANKS)), defined, ranked, zeros((n, 2)))


@njit(cache=True, inline="always")
def wilder(gain: Float64, loss: Float64, i: int, j: int, n: int, window: int, change: float, beside: float) -> float:
    """Take change number `n` into the averages [i, j]; return the RSI, or -1 where there is none."""
    if n <= 1:
        gain[i, j] = loss[i, j] = 0.0
    up, down = gain[i, j], loss[i, j]
    if n < window:
        gain[i, j], loss[i, j] = up + max(change, 0.0), down + max(-change, 0.0)
        return -1.0
    kept, share = 1.0 if n == window else window - 1.0, 1.0 / window
    up, down = (up * kept + max(change, 0.0)) * share, (down * kept + max(-change, 0.0)) * share
    moved = settled(up + down, beside)
    gain[i, j] = up = settled(up, moved) if moved > 0.0 else 0.0
    loss[i, j] = down = settled(down, moved) if moved > 0.0 else 0.0
    return 100.0 * (up / (up + down)) if moved > 0.0 else -1.0


@njit(cache=True, inline="always")
def _place(recent: Float64, i: int, value: float) -> float:
    """Return where an RSI stands among the recent ones, percent; -1 where they don't move."""
    lowest = highest = value
    for j in range(RANKS):
        lowest, highest = min(lowest, recent[i, j]), max(highest, recent[i, j])
    return 100.0 * ((value - lowest) / (highest - lowest)) if highest - lowest > STILL else -1.0


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        for j in range(5):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        if n == 1:
            continue
        change = close - bars.previous_close[k]
        change = change if abs(change) > TIE * close else 0.0
        for j in range(len(WINDOWS)):
            value = wilder(state.gain, state.loss, i, j, n - 1, WINDOWS[j], change, close)
            if n > WINDOWS[j]:
                why[k, j] = standing(n, WINDOWS[j] + 1, CONVERGED[j]) if value >= 0.0 else EDGE
                out[k, j] = value if value >= 0.0 else np.nan
        if n <= WINDOWS[RANKED]:
            continue
        value, place = out[k, RANKED], -1.0
        state.defined[i] = state.defined[i] + 1 if value >= 0.0 else 0
        if value >= 0.0:
            state.recent[i, n % RANKS] = value
            place = _place(state.recent, i, value) if state.defined[i] >= RANKS else -1.0
        state.ranked[i] = state.ranked[i] + 1 if place >= 0.0 else 0
        standing_now = why[k, RANKED] & NOT_CONVERGED
        if n >= WINDOWS[RANKED] + RANKS:
            out[k, 3], why[k, 3] = (place, standing_now) if place >= 0.0 else (np.nan, EDGE)
        if n >= WINDOWS[RANKED] + RANKS + SMOOTHING - 1:
            mean = (place + state.place[i, 0] + state.place[i, 1]) / SMOOTHING
            out[k, 4], why[k, 4] = (mean, standing_now) if state.ranked[i] >= SMOOTHING else (np.nan, EDGE)
        state.place[i, n & 1] = place


_column = partial(Column, inputs=("close",), driver=Driver.BAR, window=0, unit="percent", range=(0.0, 100.0))
_ranked = partial(
    _column,
    params={"window": int(WINDOWS[RANKED]), "ranks": RANKS, "converged": int(CONVERGED[RANKED])},
    edges="an RSI undefined, or still: undefined",
    ties="RSIs that span less than 1e-9 percent are still",
)
register(
    Group(
        name="rsi",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    f"rsi_{window}",
                    "100 * gain / (gain + loss), Wilder averages of the close's rises and falls",
                    "Wilder (1978); TA-Lib RSI",
                    warm_up=window + 1,
                    oracle="talib.RSI",
                    params={"window": window, "converged": converged},
                    edges="flat: undefined",
                )
                for window, converged in zip(WINDOWS.tolist(), CONVERGED.tolist())
            ),
            _ranked(
                "stoch_rsi_k_14",
                "100 * (rsi_14 - lowest) / (highest - lowest), of the last 14 rsi_14",
                "Chande and Kroll (1994); TA-Lib STOCHRSI(14, 14)",
                warm_up=int(WINDOWS[RANKED]) + RANKS,
                oracle="talib.STOCHRSI",
            ),
            _ranked(
                "stoch_rsi_d_14_3",
                "mean of the last 3 stoch_rsi_k_14",
                "Chande and Kroll (1994); TA-Lib STOCHRSI(14, 14, 3)",
                warm_up=int(WINDOWS[RANKED]) + RANKS + SMOOTHING - 1,
                oracle="talib.STOCHRSI",
            ),
        ),
        params=Params(tuple(WINDOWS.tolist()), RANKS, SMOOTHING),
        init=init,
        update=update,
        version=2,
    )
)
