"""Normalised average true range.

Seed:   mean of the first n true ranges, which begin with the second bar, then Wilder's smoothing, as TA-Lib.
Edges:  none (a flat series has range 0).
Cost:   O(1) a bar, 1 number a series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, settled, standing
from features.inputs import BarInputs, History
from schema.ticks import Float64, UInt8

WINDOW = 14
CONVERGED = WINDOW + 1 + burn_in(1 - 1 / WINDOW)


class Params(NamedTuple):
    window: int
    converged: int  # bars


class State(NamedTuple):
    range: Float64  # (series,) sum of the first true ranges while seeding, then their average, quote currency


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros(n_symbols * n_timeframes))


@njit(cache=True, inline="always")
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the range of a bar, with the gap from the close before."""
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        if n == 1:
            state.range[i] = 0.0
        else:
            now = true_range(bars.high[k], bars.low[k], bars.previous_close[k])
            if n <= window:
                state.range[i] += now
            else:
                kept = 1.0 if n == window + 1 else window - 1.0
                state.range[i] = settled((state.range[i] * kept + now) / window, close)
        out[k, 0] = 100.0 * state.range[i] / close if n > window else np.nan
        why[k, 0] = standing(n, window + 1, params.converged)


register(
    Group(
        name="natr",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            Column(
                name="natr_14",
                formula="100 * ATR / close, ATR = Wilder average of max(high - low, |high - last|, |low - last|)",
                source="Wilder (1978); TA-Lib NATR",
                inputs=("high", "low", "close"),
                driver=Driver.BAR,
                window=0,
                warm_up=WINDOW + 1,
                unit="percent",
                range=(0.0, float("inf")),
                oracle="talib.NATR",
                params={"window": WINDOW, "converged": CONVERGED},
            ),
        ),
        params=Params(WINDOW, CONVERGED),
        init=init,
        update=update,
    )
)
