"""Log returns of the close over several lags.

Seed:   none.
Edges:  none (no move gives 0).
Cost:   O(1) a bar, no state.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.bar_inputs import log_ratio
from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from schema.ticks import Float64, UInt8

LAGS = (1, 5, 20)


class Params(NamedTuple):
    lags: tuple[int, ...]


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        for j in range(len(params.lags)):
            lag = params.lags[j]
            if n <= lag:
                out[k, j], why[k, j] = np.nan, WARMING_UP
            else:
                out[k, j], why[k, j] = log_ratio(bars.close[k], past(history.close, i, n, lag)), 0


register(
    Group(
        name="returns",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=f"return_{lag}",
                formula=f"log(close / close {lag} bars ago)",
                source="definition",
                inputs=("close",),
                driver=Driver.BAR,
                window=lag + 1,
                warm_up=lag + 1,
                unit="log return",
                range=(float("-inf"), float("inf")),
                oracle="naive",
                params={"lag": lag},
            )
            for lag in LAGS
        ),
        params=Params(LAGS),
        init=no_state,
        update=update,
    )
)
