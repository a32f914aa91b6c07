"""How liquid the market is beside its usual: the spread's and the volume's level, the state they make, and its age.

A level is x / (x + mean of x before): 1/2 where the bar is as usual, 0 and 1 at the extremes. Both are smoothed over
20 bars. The state becomes 1 (deep) or -1 (thin) when volume level - spread level passes 1 / (2 pi) that way, and 0
when it falls below half of that.

Seed:   usual spread and volume start with the mean of the first 20 quoted bars, the levels with that of the 20 next.
Edges:  bars without a quote are passed over. A spread that never was has level 1/2, a volume level 0. Crossed quotes
        have spread 0.
Cost:   O(1) a bar, 7 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, standing
from features.inputs import BarInputs, History
from features.regime.states import next_state
from features.regime.windows import leave_undefined
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

SPAN, USUAL = 20, 120
ENTER = 0.5 / math.pi
WARM_UP = 2 * SPAN
CONVERGED = WARM_UP + burn_in(1 - 2 / (USUAL + 1), stages=2)
NO_QUOTES = int(Why.NO_QUOTES)


class Params(NamedTuple):
    usual: float  # weight of a bar in the usual spread and volume
    weight: float  # of a bar in the levels
    enter: float
    leave: float
    converged: int  # bars


class State(NamedTuple):
    quoted: Int64  # (series,) bars with a quote
    spread: Float64  # (series,) usual spread, a share of the mid
    volume: Float64  # (series,) usual volume
    spread_level: Float64  # (series,) smoothed
    volume_level: Float64
    state: Int64  # (series,) -1, 0 or 1
    bars: Int64  # (series,) quoted bars in it


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    whole, real = np.zeros((3, n), np.int64), np.zeros((4, n))
    return State(whole[0], real[0], real[1], real[2], real[3], whole[1], whole[2])


@njit(cache=True, inline="always")
def relative_spread(bid: float, ask: float, mid: float) -> float:
    """Return the spread as a share of the mid, 0 where it is none or crossed."""
    spread = (ask - bid) / mid
    return spread if spread > TIE else 0.0


@njit(cache=True, inline="always")
def level(value: float, usual: float, nothing: float) -> float:
    """Return value / (value + usual), or `nothing` where both are 0."""
    return value / (value + usual) if value + usual > 0.0 else nothing


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    quoted, spreads, volumes, spread_levels, volume_levels, states, lasted = state
    series, mids, bids, asks, traded = bars.series, bars.mid, bars.bid, bars.ask, bars.volume
    for k in range(len(series)):
        i, mid, volume = series[k], mids[k], traded[k]
        if np.isnan(mid):
            leave_undefined(out, why, k, 5, NO_QUOTES)
            continue
        spread = relative_spread(bids[k], asks[k], mid)
        m = quoted[i] + 1
        quoted[i] = m
        if m > SPAN:
            weight = 1.0 / (m - SPAN) if m <= WARM_UP else params.weight
            wide, much = level(spread, spreads[i], 0.5), level(volume, volumes[i], 0.0)
            spread_levels[i] += weight * (wide - spread_levels[i])
            volume_levels[i] += weight * (much - volume_levels[i])
        weight = 1.0 / m if m <= SPAN else params.usual
        spreads[i] += weight * (spread - spreads[i])
        volumes[i] += weight * (volume - volumes[i])
        if m < WARM_UP:
            leave_undefined(out, why, k, 5, WARMING_UP)
            continue
        score = volume_levels[i] - spread_levels[i]
        now = next_state(states[i], score, params.enter, params.leave)
        lasted[i] = lasted[i] + 1 if now == states[i] else 1
        states[i] = now
        out[k, 0], out[k, 1] = spread_levels[i], volume_levels[i]
        out[k, 2], out[k, 3], out[k, 4] = score, now, lasted[i]
        reason = standing(m, WARM_UP, params.converged)
        for c in range(5):
            why[k, c] = reason


_TIES = "liquidity_score against 1 / (2 pi) and half of it"
_column = partial(
    Column,
    source="definition",
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    oracle="naive",
    params={"span": SPAN, "usual_span": USUAL, "converged": CONVERGED},
    edges="no quote: undefined",
)
_level = partial(_column, unit="ratio", range=(0.0, 1.0))
_state = partial(_column, inputs=("bid", "ask", "volume"), ties=_TIES)
register(
    Group(
        name="liquidity",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _level(
                "spread_level_20",
                "EMA(s / (s + usual s), 20), s = (ask - bid) / mid, usual s = EMA(s, 120) up to the bar before",
                inputs=("bid", "ask"),
            ),
            _level(
                "volume_level_20",
                "EMA(v / (v + usual v), 20), v = volume, usual v = EMA(v, 120) up to the bar before",
                inputs=("volume",),
            ),
            _column(
                "liquidity_score",
                "volume_level_20 - spread_level_20",
                inputs=("bid", "ask", "volume"),
                unit="ratio",
                range=(-1.0, 1.0),
            ),
            _state(
                "liquidity_state",
                "1 or -1 once |liquidity_score| > 1 / (2 pi), until it falls below half of that that way; else 0",
                unit="state",
                range=(-1.0, 1.0),
            ),
            _state(
                "bars_in_liquidity_state",
                "quoted bars since liquidity_state last changed, that one included",
                unit="bars",
                range=(1.0, math.inf),
            ),
        ),
        params=Params(2 / (USUAL + 1), 2 / (SPAN + 1), ENTER, ENTER / 2, CONVERGED),
        init=init,
        update=update,
    )
)
