"""What the last 20 log returns say: their deviation, their downside, their smooth part, and where the last one stands.

Seed:   none.
Edges:  a z-score is undefined where the returns are equal (up to 1e-10 of their size: equal but for rounding).
        A return of 0 is no crossing: signs are compared over it.
Cost:   O(n) a bar, no state. Moments are taken about the newest return, which bounds their cancellation.
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

WINDOW = 20
FLAT = 1e-20  # squared spread beside squared size below which returns are equal but for rounding
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    flat: float


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        if n <= window:
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        total = about = downside = smooth = size = 0.0
        crossings, sign, after = 0, 0.0, 0.0
        for lag in range(window):
            value = past(history.log_return, i, n, lag)
            total += value - last
            about += (value - last) * (value - last)
            size += value * value
            downside += min(value, 0.0) * min(value, 0.0)
            smooth += abs(value) * after
            after = abs(value)
            if abs(value) > TIE:
                crossings += value * sign < 0.0
                sign = math.copysign(1.0, value)
        spread = max(about - total * total / window, 0.0)
        deviation = math.sqrt(spread / (window - 1.0))
        out[k, 0] = deviation
        out[k, 1] = math.sqrt(downside / window)
        out[k, 2] = 0.5 * math.pi * smooth
        out[k, 3] = crossings / (window - 1.0)
        why[k, :4] = 0
        if spread <= max(params.flat * size, TIE * TIE):
            out[k, 4], why[k, 4] = np.nan, EDGE
        else:
            out[k, 4], why[k, 4] = -total / window / deviation, 0


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=WINDOW + 1,
    warm_up=WINDOW + 1,
    unit="log return",
    range=(0.0, float("inf")),
    oracle="naive",
    params={"window": WINDOW},
)
register(
    Group(
        name="volatility",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            _column("volatility_20", "sample deviation (ddof 1) of the last 20 log returns", "numpy.std"),
            _column(
                "downside_semivolatility_20",
                "sqrt(mean(min(log return, 0) ** 2)) of the last 20",
                "Barndorff-Nielsen, Kinnebrock and Shephard (2010)",
            ),
            _column(
                "bipower_variation_20",
                "pi / 2 * sum of |log return| * |the one before|, 19 products of the last 20",
                "Barndorff-Nielsen and Shephard (2004)",
                unit="squared log return",
            ),
            _column(
                "zero_crossing_rate_20",
                "changes of sign among the last 20 log returns, zeros left out, / 19",
                "Kedem (1986)",
                unit="share",
                range=(0.0, 1.0),
                ties="returns of exactly 0 are left out",
            ),
            _column(
                "zscore_20",
                "(log return - mean) / sample deviation of the last 20",
                "scipy.stats.zscore, ddof 1",
                unit="deviations",
                range=(-4.3, 4.3),
                edges="equal returns: undefined",
            ),
        ),
        params=Params(WINDOW, FLAT),
        init=no_state,
        update=update,
    )
)
