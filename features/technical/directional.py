"""Directional movement: +DI, -DI, their contrast DX, its average ADX, and the close's momentum in true ranges.

Seed:   as TA-Lib: sums over the first n - 1 changes, then Wilder's smoothing of sums; ADX starts with the mean of the
        first n contrasts, ADXR is the mean of this ADX and the one n - 1 bars ago. A bar without movement on either
        side counts as contrast 0 in that seed and leaves a later ADX as it is, as TA-Lib.
Edges:  undefined where no true range is left: a flat series (TA-Lib gives 0); DX also where no movement is (TA-Lib
        repeats the last). A remembered move below 1e-30 of the price counts as none.
Cost:   O(1) a bar, 18 numbers a series.
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

WINDOW, MOMENTUM = 14, 10
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
    last: Float64  # (WINDOW, series) the last ADX, unordered; -1 where undefined


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    plus, minus, ranges, adx = (np.zeros(series) for _ in range(4))
    return State(plus, minus, ranges, adx, np.zeros((WINDOW, series)))


@njit(cache=True, inline="always")
def _moved(state: State, i: int, keep: float, up: float, down: float, now: float, close: float) -> None:
    tie = TIE * close
    rise = up if up > tie and up > down + tie else 0.0
    fall = down if down > tie and down > up + tie else 0.0
    span = settled(state.range[i] * keep + (now if now > tie else 0.0), close)
    state.plus[i] = settled(state.plus[i] * keep + rise, span) if span > 0.0 else 0.0
    state.minus[i] = settled(state.minus[i] * keep + fall, span) if span > 0.0 else 0.0
    state.range[i] = span


@njit(cache=True, inline="always")
def _contrasted(state: State, i: int, n: int, window: int) -> float:
    """Take the n-th contrast into ADX; return it, or NaN where nothing moved."""
    moved = state.plus[i] + state.minus[i]
    contrast = 100.0 * (abs(state.plus[i] - state.minus[i]) / moved) if moved > 0.0 else 0.0
    if n < 2 * window:
        state.adx[i] += contrast
    elif n == 2 * window:
        state.adx[i] = (state.adx[i] + contrast) / window
    elif moved > 0.0:
        state.adx[i] = (state.adx[i] * (window - 1.0) + contrast) / window
    return contrast if moved > 0.0 else np.nan


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, high, low = bars.series[k], bars.n[k], bars.high[k], bars.low[k]
        if n > 1:
            up, down = high - past(history.high, i, n, 1), past(history.low, i, n, 1) - low
            now = true_range(high, low, bars.previous_close[k])
            keep = 1.0 if n <= window else 1.0 - 1.0 / window
            _moved(state, i, keep, up, down, now, bars.close[k])
        contrast = _contrasted(state, i, n, window) if n > window else np.nan
        for j in range(6):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        if n <= window:
            continue
        defined = state.range[i] > 0.0
        if defined:
            scale = 100.0 / state.range[i]
            out[k, 1], out[k, 2] = scale * state.plus[i], scale * state.minus[i]
            out[k, 3] = contrast
            out[k, 5] = (bars.close[k] - past(history.close, i, n, MOMENTUM)) * window / state.range[i]
        for j in range(1, 6):
            why[k, j] = standing(n, window + 1, params.converged) if defined else EDGE
        if not contrast >= 0.0:
            why[k, 3] = EDGE
        why[k, 4] = WARMING_UP
        if n >= 2 * window:
            why[k, 0] = standing(n, 2 * window, params.adx_converged) if defined else EDGE
            out[k, 0] = state.adx[i] if defined else np.nan
            state.last[n % WINDOW, i] = state.adx[i] if defined else -1.0
            old = state.last[(n + 1) % WINDOW, i]
            if n >= 3 * window - 1:
                both = defined and old >= 0.0
                out[k, 4] = 0.5 * (state.adx[i] + old) if both else np.nan
                why[k, 4] = standing(n, 2 * window, params.adx_converged + window) if both else EDGE


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
_momentum = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    window=0,
    unit="ratio",
    range=(-14.0 * MOMENTUM, 14.0 * MOMENTUM),
    edges="flat: undefined",
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
            _column(
                "dx_14",
                "100 * |plus_di - minus_di| / (plus_di + minus_di)",
                "Wilder (1978); TA-Lib DX",
                warm_up=WINDOW + 1,
                oracle="talib.DX",
                params={"window": WINDOW, "converged": CONVERGED},
            ),
            _column(
                "adxr_14",
                "mean of adx_14 and the one 13 bars ago",
                "Wilder (1978); TA-Lib ADXR",
                warm_up=3 * WINDOW - 1,
                oracle="talib.ADXR",
                params={"window": WINDOW, "converged": ADX_CONVERGED + WINDOW},
            ),
            _momentum(
                "momentum_atr_10",
                "(close - close 10 bars ago) / (smoothed true range / 14), as in plus_di_14",
                "TA-Lib MOM, over Wilder's (1978) true range",
                warm_up=WINDOW + 1,
                oracle="talib.MOM",
                params={"window": MOMENTUM, "atr": WINDOW, "converged": CONVERGED},
            ),
        ),
        params=Params(WINDOW, CONVERGED, ADX_CONVERGED),
        init=init,
        update=update,
        version=2,
    )
)
