"""Log returns of the close over a few bars, and their deviation.

Seed:   none.
Edges:  none (no move gives 0).
Cost:   O(1) a bar, no state: the log returns of the last ten bars are added up.
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
from schema.ticks import Float64, UInt8

LAGS = (1, 2, 3, 5, 10)


class Params(NamedTuple):
    lags: tuple[int, ...]


@njit(cache=True, error_model="numpy")
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    most = params.lags[-1]
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        total = about = above = 0.0
        at = 0
        for lag in range(min(most, n - 1)):
            value = past(history.log_return, i, n, lag)
            total += value
            above += value - last
            about += (value - last) * (value - last)
            if lag + 1 == params.lags[at]:
                out[k, at], why[k, at] = total if abs(total) > TIE else 0.0, 0
                at += 1
        if n > most:
            spread = max(about - above * above / most, 0.0)
            out[k, at], why[k, at] = math.sqrt(spread / (most - 1.0)), 0
        else:
            out[k, at:], why[k, at:] = np.nan, WARMING_UP


_column = partial(Column, inputs=("close",), driver=Driver.BAR, unit="log return", oracle="naive")
register(
    Group(
        name="returns",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    f"return_{lag}",
                    f"log(close / close {lag} bars ago)",
                    "definition",
                    window=lag + 1,
                    warm_up=lag + 1,
                    range=(float("-inf"), float("inf")),
                    params={"lag": lag},
                )
                for lag in LAGS
            ),
            _column(
                "volatility_10",
                "sample deviation (ddof 1) of the last 10 log returns",
                "numpy.std",
                window=11,
                warm_up=11,
                range=(0.0, float("inf")),
                params={"window": 10},
            ),
        ),
        params=Params(LAGS),
        init=no_state,
        update=update,
        version=2,
    )
)
