"""Average true range, in price and over the price, and how fast the average range grows.

Seed:   mean of the first n true ranges, which begin with the second bar, then Wilder's smoothing, as TA-Lib; the
        exponential mean of ranges starts with the mean of its first n.
Edges:  none (a flat series has range 0), but the growth is undefined where the mean it is over is none.
Cost:   O(1) a bar, 14 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, settled, standing
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOWS, PRICED = (7, 14, 21), 1  # ATR itself is a column of the middle window
SPAN = 10
SPAN_CONVERGED = 2 * SPAN + burn_in(1 - 2 / (SPAN + 1))
EDGE = int(Why.EDGE)


def _converged(window: int) -> int:
    return window + 1 + burn_in(1 - 1 / window)


class Params(NamedTuple):
    windows: tuple[int, ...]
    converged: tuple[int, ...]  # bars
    priced: int  # which of the windows
    span: int
    span_converged: int  # bars


class State(NamedTuple):
    range: Float64  # (series, windows) sum of the first true ranges while seeding, then their average, quote currency
    spans: Float64  # (SPAN, series) the last exponential means of high - low
    mean: Float64  # (series,) the newest of them


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros((series, len(WINDOWS))), np.zeros((SPAN, series)), np.zeros(series))


@njit(cache=True, inline="always")
def true_range(high: float, low: float, previous_close: float) -> float:
    """Return the range of a bar, with the gap from the close before."""
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


@njit(cache=True, inline="always")
def ranged(old: float, now: float, n: int, window: int, close: float) -> float:
    """Return what the n-th bar makes of the sum (up to bar `window`) or the average of true ranges."""
    if n <= window:
        return old + now if n > 1 else 0.0
    kept = 1.0 if n == window + 1 else window - 1.0
    return settled((old * kept + now) / window, close)


@njit(cache=True, inline="always")
def averaged(mean: float, value: float, n: int, span: int) -> float:
    """Return what the n-th value makes of an exponential mean that starts with the mean of the first `span`."""
    return mean + (value - mean) * (1.0 / n if n < span else 1.0 / span if n == span else 2.0 / (span + 1.0))


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    windows, converged, span = params.windows, params.converged, params.span
    growth = len(windows) + 1
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        now = true_range(bars.high[k], bars.low[k], bars.previous_close[k])
        for w in range(len(windows)):
            state.range[i, w] = ranged(state.range[i, w], now, n, windows[w], close)
            out[k, w] = 100.0 * state.range[i, w] / close if n > windows[w] else np.nan
            why[k, w] = standing(n, windows[w] + 1, converged[w])
        out[k, len(windows)] = state.range[i, params.priced] if n > windows[params.priced] else np.nan
        why[k, len(windows)] = why[k, params.priced]
        mean = state.mean[i] = settled(averaged(state.mean[i], bars.high[k] - bars.low[k], n, span), close)
        slot = (n - 1) % span
        before, state.spans[slot, i] = state.spans[slot, i], mean
        if n < 2 * span:
            out[k, growth], why[k, growth] = np.nan, WARMING_UP
        elif before <= TIE * close:
            out[k, growth], why[k, growth] = np.nan, EDGE
        else:
            out[k, growth] = 100.0 * ((mean - before) / before)
            why[k, growth] = standing(n, 2 * span, params.span_converged)


_column = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    window=0,
    range=(0.0, float("inf")),
)
register(
    Group(
        name="natr",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    name=f"natr_{window}",
                    formula="100 * ATR / close, ATR = Wilder average of max(high - low, |high - last|, |low - last|)",
                    source="Wilder (1978); TA-Lib NATR",
                    warm_up=window + 1,
                    unit="percent",
                    oracle="talib.NATR",
                    params={"window": window, "converged": _converged(window)},
                )
                for window in WINDOWS
            ),
            _column(
                name=f"atr_{WINDOWS[PRICED]}",
                formula="Wilder average of max(high - low, |high - last|, |low - last|)",
                source="Wilder (1978); TA-Lib ATR",
                warm_up=WINDOWS[PRICED] + 1,
                unit="price",
                oracle="talib.ATR",
                degree_price=1,
                params={"window": WINDOWS[PRICED], "converged": _converged(WINDOWS[PRICED])},
            ),
            _column(
                name="chaikin_volatility_10",
                formula="100 * (mean / mean 10 bars before - 1), mean = EMA 10 of high - low",
                source="Chaikin; TA-Lib EMA, ROC",
                inputs=("high", "low"),
                warm_up=2 * SPAN,
                unit="percent",
                range=(-100.0, float("inf")),
                oracle="talib.EMA, talib.ROC",
                params={"window": SPAN, "converged": SPAN_CONVERGED},
                edges="no mean range (1e-12 of the price) before: undefined",
                ties="the mean range that is none",
            ),
        ),
        params=Params(WINDOWS, tuple(_converged(window) for window in WINDOWS), PRICED, SPAN, SPAN_CONVERGED),
        init=init,
        update=update,
    )
)
