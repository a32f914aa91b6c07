"""Oscillators of signed volume over the mean volume (EMA 26): Chaikin's, force, ease of movement; PVO.

Seed:   TA-Lib's: means of the first n values, which begin with the second bar where they are changes; Chaikin's two
        means begin with the first A/D value.
Edges:  NO_TRADES where the last 26 bars had no volume. A bar without range adds nothing to A/D, as TA-Lib; one
        without volume has no ease. After 2,000 bars without volume what was before counts as none.
Cost:   O(1) a bar, 23 numbers a series. Chaikin's means are kept as distances from the A/D line, which itself would
        grow without end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP, standing
from features.inputs import BarInputs, History
from features.technical.block_sums import windowed
from features.technical.flow_rows import COLUMNS, CONVERGED, EASE, FAST, FORCE, SLOW
from features.technical.natr import averaged
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

NO_TRADES = int(Why.NO_TRADES)
FORGOTTEN = 2_000  # bars without volume


class Params(NamedTuple):
    converged: tuple[int, ...]  # bars, a column


class State(NamedTuple):
    means: Float64  # (series, 5) of volume, fast and slow; Chaikin's two; force
    ease: Float64  # (EASE + 1, series) block sums
    last: Float64  # (series, 2) high and low of the last bar
    traded: Int64  # (series,) n of the last bar with volume, 0 before


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros((series, 5)), np.zeros((EASE + 1, series)), np.zeros((series, 2)), np.zeros(series, np.int64))


@njit(cache=True, inline="always")
def _accumulated(means: Float64, i: int, high: float, low: float, close: float, volume: float, n: int) -> None:
    """Move Chaikin's means (2, 3), which are distances from the A/D line."""
    flow = ((close - low) - (high - close)) / (high - low) * volume if high - low > TIE * high else 0.0
    if n > 1:
        means[i, 2] = (means[i, 2] - flow) * 0.5
        means[i, 3] = (means[i, 3] - flow) * (9.0 / 11.0)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    converged, means, eases, last, traded = params.converged, state.means, state.ease, state.last, state.traded
    for k in range(len(bars.series)):
        i, n, close, volume = bars.series[k], bars.n[k], bars.close[k], bars.volume[k]
        high, low = bars.high[k], bars.low[k]
        if volume > 0.0:
            traded[i] = n
        silent = n - traded[i]
        if silent == FORGOTTEN:
            for j in range(5):
                means[i, j] = 0.0
        means[i, 1] = averaged(means[i, 1], volume, n, SLOW)
        means[i, 0] = averaged(means[i, 0], volume, n, FAST)
        _accumulated(means, i, high, low, close, volume, n)
        ease = 0.0
        if n > 1:
            was_high, was_low = last[i, 0], last[i, 1]
            change, moved = close - bars.previous_close[k], (high - was_high) + (low - was_low)
            means[i, 4] = averaged(means[i, 4], change * volume, n - 1, FORCE)
            each = 0.5 * moved * (high - low) / volume if volume > 0.0 else 0.0
            ease = windowed(eases, i, (n - 2) % EASE, each)
        last[i, 0], last[i, 1] = high, low
        if n < SLOW:
            for j in range(4):
                out[k, j], why[k, j] = np.nan, WARMING_UP
        elif silent >= SLOW:
            for j in range(4):
                out[k, j], why[k, j] = np.nan, NO_TRADES
        else:
            per_volume, per_close = 1.0 / means[i, 1], 1.0 / close
            out[k, 0] = 100.0 * (means[i, 0] - means[i, 1]) * per_volume
            out[k, 1] = (means[i, 2] - means[i, 3]) * per_volume
            out[k, 2] = means[i, 4] * per_volume * per_close
            out[k, 3] = (ease * per_close) * (means[i, 1] * per_close) / EASE
            for column in range(4):
                why[k, column] = standing(n, SLOW, converged[column])


GROUP = register(
    Group(
        name="volume_flow",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(CONVERGED),
        init=init,
        update=update,
    )
)
