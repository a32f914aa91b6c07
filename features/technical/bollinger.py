"""Bollinger bands: where the close stands in them, and how wide they are.

Seed:   none.
Edges:  the position is undefined in a flat window, whose bands have no width (the width is then 0).
Cost:   O(n) a bar, no state. Moments are taken of (close - this close); one member of the window is then 0, which
        bounds the cancellation of their squares by a factor of n.
"""

from __future__ import annotations

import math
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

WINDOW, WIDTH = 20, 2.0
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    width: float  # standard deviations


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window, width = params.window, params.width
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        if n < window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        total = squares = 0.0
        for lag in range(1, window):
            above = past(history.close, i, n, lag) - close
            total += above
            squares += above * above
        mean = total / window
        deviation = math.sqrt(max(squares / window - mean * mean, 0.0))
        out[k, 1], why[k, 1] = 2.0 * width * deviation / (close + mean), 0
        if squares <= (TIE * close) ** 2:
            out[k, 0], why[k, 0] = np.nan, EDGE
        else:
            out[k, 0], why[k, 0] = 0.5 - mean / (2.0 * width * deviation), 0


_column = partial(
    Column,
    source="Bollinger (2001); TA-Lib BBANDS (population deviation)",
    inputs=("close",),
    driver=Driver.BAR,
    window=WINDOW,
    warm_up=WINDOW,
    unit="ratio",
    oracle="naive",
    params={"window": WINDOW, "width": WIDTH},
)
register(
    Group(
        name="bollinger",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "bollinger_position_20",
                "(close - lower) / (upper - lower), bands = mean ± 2 deviations of the last 20 closes",
                range=(-1.0, 2.0),
                edges="flat: undefined",
            ),
            _column("bollinger_width_20", "(upper - lower) / middle", range=(0.0, float("inf"))),
        ),
        params=Params(WINDOW, WIDTH),
        init=no_state,
        update=update,
    )
)
