"""What a candlestick is made of, and two patterns of the bar itself and the one before; no average is involved.

Seed:   none.
Edges:  the doji and the shares of a bar without range are undefined. An engulfing body that shares an edge counts
        0.8, as TA-Lib; equal open and close count as a rising body, as TA-Lib.
Cost:   O(1) a bar, no state.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

EDGE = int(Why.EDGE)
LARGEST_BODY, SHARED_EDGE, WARM_UP = 0.1, 0.8, 3


class Params(NamedTuple):
    largest_body: float  # share of the range up to which a bar is a doji
    shared_edge: float
    warm_up: int


@njit(cache=True, inline="always")
def engulfing(opened: float, closed: float, opened_before: float, closed_before: float, shared_edge: float) -> float:
    """Return 1 (a rising body engulfs the falling one before) to -1, 0 where there is none."""
    tie = TIE * closed
    rising, rose = closed >= opened - tie, closed_before >= opened_before - tie
    if rising == rose:
        return 0.0
    sign = 1.0 if rising else -1.0
    over_start, over_end = sign * (closed_before - opened), sign * (closed - opened_before)
    if min(over_start, over_end) < -tie or max(over_start, over_end) <= tie:
        return 0.0
    return sign if min(over_start, over_end) > tie else sign * shared_edge


@njit(cache=True, error_model="numpy")
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        n, span = bars.n[k], bars.high[k] - bars.low[k]
        opened, close = bars.open[k], bars.close[k]
        if span > TIE * bars.high[k]:
            out[k, 0] = max(1.0 - abs(close - opened) / (params.largest_body * span), 0.0)
            out[k, 2] = (close - opened) / span
            out[k, 3] = (bars.high[k] - max(opened, close)) / span
            out[k, 4] = (min(opened, close) - bars.low[k]) / span
            why[k, :] = 0
        else:
            out[k, :], why[k, :] = np.nan, EDGE
        if n == 1:
            out[k, 5], why[k, 5] = np.nan, WARMING_UP
        else:
            out[k, 5], why[k, 5] = (opened - bars.previous_close[k]) / bars.previous_close[k], 0
        if n < params.warm_up:
            out[k, 1], why[k, 1] = np.nan, WARMING_UP
        else:
            opened_before, closed_before = bars.previous_open[k], bars.previous_close[k]
            out[k, 1] = engulfing(opened, close, opened_before, closed_before, params.shared_edge)
            why[k, 1] = 0


_column = partial(Column, driver=Driver.BAR, unit="strength")
_share = partial(
    Column,
    source="Nison (1991)",
    inputs=("open", "high", "low", "close"),
    driver=Driver.BAR,
    window=1,
    warm_up=1,
    unit="ratio",
    range=(0.0, 1.0),
    oracle="naive",
    edges="a bar without range: undefined",
)
register(
    Group(
        name="candles",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "doji",
                "max(0, 1 - |close - open| / (0.1 * (high - low))): 1 without a body, 0 from a tenth of the range on",
                "Nison (1991); the tenth as in TA-Lib CDLDOJI, but of the bar's own range. It has no direction",
                ("open", "high", "low", "close"),
                window=1,
                warm_up=1,
                range=(0.0, 1.0),
                oracle="naive",
                params={"largest_body": LARGEST_BODY},
                edges="a bar without range: undefined",
            ),
            _column(
                "engulfing",
                "sign of the body if it engulfs the opposite body before, * 0.8 where they share an edge; else 0",
                "Nison (1991); TA-Lib CDLENGULFING / 100",
                ("open", "close"),
                window=2,
                warm_up=WARM_UP,
                range=(-1.0, 1.0),
                oracle="talib.CDLENGULFING",
                params={"shared_edge": SHARED_EDGE},
                ties="equal edges of the bodies: 0.8; equal open and close: a rising body",
            ),
            _share("body_share", "(close - open) / (high - low)", range=(-1.0, 1.0)),
            _share("upper_shadow_share", "(high - max(open, close)) / (high - low)"),
            _share("lower_shadow_share", "(min(open, close) - low) / (high - low)"),
            _share(
                "gap_ratio",
                "open / close before - 1",
                inputs=("open", "close"),
                window=2,
                warm_up=2,
                range=(-1.0, float("inf")),
                edges="none",
            ),
        ),
        params=Params(LARGEST_BODY, SHARED_EDGE, WARM_UP),
        init=no_state,
        update=update,
    )
)
