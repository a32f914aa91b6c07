"""Volume of the last bars: this bar's against their mean, its slope, its rising share, the price it weights, and where
in their ranges the bars closed that had it (Chaikin).

Seed:   none.
Edges:  NO_TRADES where the window has no volume; a bar that closes as the one before is not a rising one; one
        without range counts 0 in the flow, as TA-Lib's A/D line.
Cost:   O(1) a bar, 107 numbers a series: sums of blocks, see `block_sums`. Prices are taken from the first close of
        their block.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.technical.block_sums import windowed
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 20
NO_TRADES = int(Why.NO_TRADES)


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    volume: Float64  # (WINDOW + 1, series) block sums
    placed: Float64  # (WINDOW + 1, series) of volume * slot
    rising: Float64  # (WINDOW + 1, series) of the volume of rising bars
    value: Float64  # (WINDOW + 1, series) of volume * (close - anchor)
    flow: Float64  # (WINDOW + 1, series) of volume, weighted from -1 (closed low) to 1 (closed high)
    anchor: Float64  # (2, series) first close of this block and of the one before


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    volume, placed, rising, value, flow = np.zeros((5, WINDOW + 1, series))
    return State(volume, placed, rising, value, flow, np.zeros((2, series)))


@njit(cache=True, inline="always")
def _undefined(out: Float64, why: UInt8, k: int, reason: int) -> None:
    for j in range(5):
        out[k, j], why[k, j] = np.nan, reason


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    window = params.window
    volumes, placings, rises, values, anchors = state.volume, state.placed, state.rising, state.value, state.anchor
    middle, squares = 0.5 * (window - 1.0), window * (window * window - 1.0) / 12.0
    flows = state.flow
    for k in range(len(bars.series)):
        i, n, close, volume = bars.series[k], bars.n[k], bars.close[k], bars.volume[k]
        slot = (n - 1) % window
        if slot == 0:
            anchors[1, i], anchors[0, i] = anchors[0, i], close
        anchor = anchors[0, i]
        rose = n > 1 and close - bars.previous_close[k] > TIE * close
        total = windowed(volumes, i, slot, volume)
        placed = windowed(placings, i, slot, volume * slot)
        rising = windowed(rises, i, slot, volume if rose else 0.0)
        value = windowed(values, i, slot, volume * (close - anchor))
        high, low = bars.high[k], bars.low[k]
        place = ((close - low) - (high - close)) / (high - low) if high - low > TIE * high else 0.0
        flow = windowed(flows, i, slot, place * volume)
        earlier = 0.0  # volume of the block before
        if slot < window - 1:
            earlier = volumes[slot + 1, i]
            value += (anchors[1, i] - anchor) * earlier
        if n <= window:
            _undefined(out, why, k, WARMING_UP)
            if n < window:
                continue
        if total == 0.0:
            _undefined(out, why, k, NO_TRADES)
            continue
        per_volume = 1.0 / total
        ago = slot + (window * earlier - placed) * per_volume  # mean lag of the volume
        beyond = value * per_volume
        out[k, 0], why[k, 0] = window * volume * per_volume, 0
        out[k, 2], why[k, 2] = window * (middle - ago) / squares, 0
        out[k, 3], why[k, 3] = ((close - anchor) - beyond) / (anchor + beyond), 0
        out[k, 4], why[k, 4] = flow / total, 0
        if n > window:
            out[k, 1], why[k, 1] = min(rising * per_volume, 1.0), 0


_column = partial(
    Column,
    driver=Driver.BAR,
    window=WINDOW,
    warm_up=WINDOW,
    unit="ratio",
    oracle="naive",
    params={"window": WINDOW},
    edges="no volume: NO_TRADES",
)
register(
    Group(
        name="volume_window",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "volume_ratio_20",
                "volume / mean volume of the last 20 bars, this one included",
                "relative volume",
                ("volume",),
                range=(0.0, WINDOW * (1.0 + 1e-9)),
            ),
            _column(
                "up_volume_share_20",
                "volume of the bars that closed higher over the volume of the last 20 bars",
                "Granville (1963), over a window",
                ("close", "volume"),
                window=WINDOW + 1,
                warm_up=WINDOW + 1,
                range=(0.0, 1.0),
                ties="an equal close (within 1e-12 of the price) is no rise",
            ),
            _column(
                "volume_slope_20",
                "least-squares slope of the last 20 volumes, a bar, over their mean",
                "scipy.stats.linregress",
                ("volume",),
                range=(-0.286, 0.286),
                oracle="naive; numpy.polyfit",
            ),
            _column(
                "vwma_ratio_20",
                "close / (sum of close * volume / sum of volume, 20 bars) - 1",
                "volume-weighted moving average",
                ("close", "volume"),
                range=(-1.0, float("inf")),
            ),
            _column(
                "cmf_20",
                "sum of ((close - low) - (high - close)) / (high - low) * volume over sum of volume, 20 bars",
                "Chaikin; the A/D line's weights as in TA-Lib AD",
                ("high", "low", "close", "volume"),
                range=(-1.0, 1.0),
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
        version=2,
    )
)
