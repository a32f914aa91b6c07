"""Directional movement: +DI, -DI and their smoothed contrast ADX.

Seed:   as TA-Lib: sums over the first n - 1 changes, then Wilder's smoothing of sums; ADX starts with the mean of the
        first n contrasts. A bar without movement on either side counts as contrast 0 in that seed and leaves a later
        ADX as it is, as TA-Lib.
Edges:  undefined where no true range is left: a flat series (TA-Lib gives 0). A remembered move below 1e-30 of the
        price counts as none.
Cost:   O(1) a bar, 4 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, settled, standing
from features.inputs import BarInputs, History, past
from features.technical.natr import true_range
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 14
CONVERGED = WINDOW + 1 + burn_in(1 - 1 / WINDOW)
ADX_CONVERGED = 2 * WINDOW + burn_in(1 - 1 / WINDOW, stages=2)
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    converged: int  # bars
    adx_converged: int


class State(NamedTuple):
    plus: Float64  # (series,) smoothed sum of upward movement, quote currency
    minus: Float64
    range: Float64  # (series,) smoothed sum of true ranges
    adx: Float64  # (series,) sum of contrasts while seeding, then their average, percent


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True)
def _moved(state: State, i: int, keep: float, up: float, down: float, now: float, close: float) -> None:
    tie = TIE * close
    rise = up if up > tie and up > down + tie else 0.0
    fall = down if down > tie and down > up + tie else 0.0
    span = settled(state.range[i] * keep + (now if now > tie else 0.0), close)
    state.plus[i] = settled(state.plus[i] * keep + rise, span) if span > 0.0 else 0.0
    state.minus[i] = settled(state.minus[i] * keep + fall, span) if span > 0.0 else 0.0
    state.range[i] = span


@njit(cache=True)
def _contrasted(state: State, i: int, n: int, window: int) -> None:
    moved = state.plus[i] + state.minus[i]
    contrast = 100.0 * (abs(state.plus[i] - state.minus[i]) / moved) if moved > 0.0 else 0.0
    if n < 2 * window:
        state.adx[i] += contrast
    elif n == 2 * window:
        state.adx[i] = (state.adx[i] + contrast) / window
    elif moved > 0.0:
        state.adx[i] = (state.adx[i] * (window - 1.0) + contrast) / window


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, high, low = bars.series[k], bars.n[k], bars.high[k], bars.low[k]
        if n > 1:
            up, down = high - past(history.high, i, n, 1), past(history.low, i, n, 1) - low
            now = true_range(high, low, bars.previous_close[k])
            keep = 1.0 if n <= window else 1.0 - 1.0 / window
            _moved(state, i, keep, up, down, now, bars.close[k])
        if n > window:
            _contrasted(state, i, n, window)
        out[k, :], why[k, :] = np.nan, WARMING_UP
        if n > window and state.range[i] == 0.0:
            why[k, 1:] = EDGE
            why[k, 0] = EDGE if n >= 2 * window else WARMING_UP
        elif n > window:
            out[k, 1] = 100.0 * (state.plus[i] / state.range[i])
            out[k, 2] = 100.0 * (state.minus[i] / state.range[i])
            why[k, 1:] = standing(n, window + 1, params.converged)
            why[k, 0] = standing(n, 2 * window, params.adx_converged)
            if n >= 2 * window:
                out[k, 0] = state.adx[i]


_column = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    window=0,
    unit="percent",
    range=(0.0, 100.0),
    edges="flat: undefined",
    ties="rise of the high against fall of the low: equal decimals (within 1e-12 of the price) count for neither",
)
register(
    Group(
        name="directional",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "adx_14",
                "Wilder average of 100 * |plus_di - minus_di| / (plus_di + minus_di)",
                "Wilder (1978); TA-Lib ADX",
                warm_up=2 * WINDOW,
                oracle="talib.ADX",
                params={"window": WINDOW, "converged": ADX_CONVERGED},
            ),
            *(
                _column(
                    f"{side}_di_14",
                    f"100 * smoothed {movement} / smoothed true range",
                    f"Wilder (1978); TA-Lib {side.upper()}_DI",
                    warm_up=WINDOW + 1,
                    oracle=f"talib.{side.upper()}_DI",
                    params={"window": WINDOW, "converged": CONVERGED},
                )
                for side, movement in (("plus", "rise of the high"), ("minus", "fall of the low"))
            ),
        ),
        params=Params(WINDOW, CONVERGED, ADX_CONVERGED),
        init=init,
        update=update,
    )
)
