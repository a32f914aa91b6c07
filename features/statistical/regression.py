"""Straight line through the last log closes: its slope, and how well it fits.

Seed:   none.
Edges:  R² is undefined in a flat window (the slope is 0).
Cost:   O(n) a bar, no state. Log closes are summed backwards from the log returns, so that the newest is 0, which
        bounds the cancellation of their squares by a factor of n.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 20
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    middle = (window - 1) / 2.0
    spread_of_time = window * (window * window - 1.0) / 12.0
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        if n < window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        level = total = squares = product = 0.0
        for lag in range(1, window):
            level -= past(history.log_return, i, n, lag - 1)
            total += level
            squares += level * level
            product += (middle - lag) * level
        slope = product / spread_of_time
        out[k, 0], why[k, 0] = slope, 0
        if squares <= TIE * TIE:
            out[k, 1], why[k, 1] = np.nan, EDGE
        else:
            out[k, 1], why[k, 1] = min(slope * product / (squares - total * total / window), 1.0), 0


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=WINDOW,
    warm_up=WINDOW,
    oracle="naive",
    params={"window": WINDOW},
)
register(
    Group(
        name="regression",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "slope_20",
                "slope of the least-squares line through the last 20 log closes",
                "scipy.stats.linregress; TA-Lib LINEARREG_SLOPE, of the log close",
                unit="log return a bar",
                range=(float("-inf"), float("inf")),
            ),
            _column(
                "r_squared_20",
                "share of the variance of the last 20 log closes that lies on that line",
                "scipy.stats.linregress",
                unit="ratio",
                range=(0.0, 1.0),
                edges="flat: undefined",
            ),
        ),
        params=Params(WINDOW),
        init=no_state,
        update=update,
    )
)
