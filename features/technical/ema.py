"""Close relative to its exponential moving average.

Seed:   mean of the first n closes, as TA-Lib; pandas' ewm differs until about 5 n bars.
Edges:  none.
Cost:   O(1) a bar, 1 number a series and span. Kept is the close's deviation from its average, not the average:
        deviation = (1 - alpha) * (deviation before + change of the close), so that moves of 0.01 at 60,000 keep
        their digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, settled, standing
from features.inputs import BarInputs, History, past
from schema.ticks import Float64, UInt8

SPANS = (10, 20, 50)
CONVERGED = tuple(span + burn_in(1 - 2 / (span + 1)) for span in SPANS)


class Params(NamedTuple):
    spans: tuple[int, ...]
    converged: tuple[int, ...]  # bars


class State(NamedTuple):
    deviation: Float64  # (series, spans) close minus its average, quote currency


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols * n_timeframes, len(SPANS))))


@njit(cache=True)
def mean_deviation(closes: Float64, i: int, n: int, window: int) -> float:
    """Return the n-th close minus the mean of the last `window` closes."""
    total, close = 0.0, past(closes, i, n, 0)
    for lag in range(1, window):
        total += close - past(closes, i, n, lag)
    return total / window


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        for j in range(len(params.spans)):
            span = params.spans[j]
            if n == span:
                state.deviation[i, j] = mean_deviation(history.close, i, n, span)
            elif n > span:
                moved = state.deviation[i, j] + (close - bars.previous_close[k])
                state.deviation[i, j] = settled((1.0 - 2.0 / (span + 1.0)) * moved, close)
            deviation = state.deviation[i, j]
            out[k, j] = deviation / (close - deviation) if n >= span else np.nan
            why[k, j] = standing(n, span, params.converged[j])


register(
    Group(
        name="ema_ratio",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=f"ema_ratio_{span}",
                formula=f"close / EMA(close, {span}) - 1",
                source="TA-Lib EMA: alpha = 2 / (n + 1), seeded with the simple mean",
                inputs=("close",),
                driver=Driver.BAR,
                window=0,
                warm_up=span,
                unit="ratio",
                range=(-1.0, float("inf")),
                oracle="talib.EMA",
                params={"span": span, "converged": converged},
            )
            for span, converged in zip(SPANS, CONVERGED, strict=True)
        ),
        params=Params(SPANS, CONVERGED),
        init=init,
        update=update,
    )
)
