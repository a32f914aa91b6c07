"""Short against long volatility.

Seed:   none.
Edges:  undefined where the long window's returns are equal (up to 1e-10 of their size: equal but for rounding).
Cost:   O(n) a bar, no state. Moments are taken about the newest return, which bounds their cancellation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

SHORT, LONG = 10, 60
FLAT = 1e-20  # squared spread beside squared size below which returns are equal but for rounding
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    short: int
    long: int
    flat: float


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    short, long = params.short, params.long
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        if n <= long:
            out[k, 0], why[k, 0] = np.nan, WARMING_UP
            continue
        total = squares = size = spread_short = 0.0
        for lag in range(long):
            value = past(history.log_return, i, n, lag)
            total += value - last
            squares += (value - last) * (value - last)
            size += value * value
            if lag == short - 1:
                spread_short = max(squares - total * total / short, 0.0)
        spread = max(squares - total * total / long, 0.0)
        if spread <= max(params.flat * size, TIE * TIE):
            out[k, 0], why[k, 0] = np.nan, EDGE
        else:
            out[k, 0] = math.sqrt(spread_short / spread * ((long - 1.0) / (short - 1.0)))
            why[k, 0] = 0


register(
    Group(
        name="volatility_ratio",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            Column(
                name="volatility_ratio_10_60",
                formula="sample deviation of the last 10 log returns / that of the last 60",
                source="definition",
                inputs=("close",),
                driver=Driver.BAR,
                window=LONG + 1,
                warm_up=LONG + 1,
                unit="ratio",
                range=(0.0, 2.6),
                oracle="naive",
                params={"short": SHORT, "long": LONG},
                edges="equal returns: undefined",
            ),
        ),
        params=Params(SHORT, LONG, FLAT),
        init=no_state,
        update=update,
    )
)
