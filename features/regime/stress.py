"""Market stress: how deep a drawdown, how raised volatility and how wide the spread are, each mapped into 0 to 1.

Drawdown from the highest of the last 60 closes counts in deviations of 60 bars, d, as d / (d + 1); volatility as
v20 / (v20 + v120), exponentially weighted variances; the spread as s / (s + usual s). Their mean is the stress; its
state becomes 1 when it passes (sqrt(5) - 1) / 2 and 0 when it falls below 0.85 of that.

Seed:   variances start with plain means of their span's squared returns, the usual spread with that of 20 quoted bars.
Edges:  undefined without volatility; the stress and its state also on a bar without quotes (NO_QUOTES), where the
        state stays.
Cost:   O(1) a bar, 8 numbers a series: the closes are searched again only when the highest of them has left.
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
from features.regime.liquidity import NO_QUOTES, level, relative_spread
from features.regime.states import next_state
from features.regime.volatility_rank import variance_after
from features.regime.windows import MASK
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOW, SHORT, LONG, QUOTED = 60, 20, 120, 20
ENTER = (math.sqrt(5) - 1) / 2
WARM_UP = LONG + 1
CONVERGED = WARM_UP + burn_in(1 - 2 / (LONG + 1))
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    short: int
    long: int
    quoted: int  # quoted bars until the spread's usual is known
    usual: float  # weight of a bar in it
    enter: float
    leave: float
    converged: int  # bars
    negligible: float


class State(NamedTuple):
    highest: Float64  # (series,) close of the last bars
    since: Int64  # (series,) bars since then
    short: Float64  # (series,) variance
    long: Float64
    spread: Float64  # (series,) usual spread, a share of the mid
    quoted: Int64  # (series,) bars with a quote
    state: Int64  # (series,) 0 or 1
    bars: Int64  # (series,) bars in it on which the stress was known


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    whole, real = np.zeros((4, n), np.int64), np.zeros((4, n))
    return State(real[0], whole[0], real[1], real[2], real[3], whole[1], whole[2], whole[3])


@njit(cache=True)
def _highest(closes: Float64, n: int, window: int) -> tuple[float, int]:
    """Return the highest of the last closes and how many bars ago it was, the latest of equal ones."""
    highest, since = closes[(n - 1) & MASK], 0
    for lag in range(1, min(window, n)):
        if closes[(n - 1 - lag) & MASK] > highest:
            highest, since = closes[(n - 1 - lag) & MASK], lag
    return highest, since


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close, mid = bars.series[k], bars.n[k], bars.close[k], bars.mid[k]
        state.since[i] += 1
        if close >= state.highest[i]:
            state.highest[i], state.since[i] = close, 0
        elif state.since[i] >= params.window:
            state.highest[i], state.since[i] = _highest(history.close[:, i], n, params.window)
        if n > 1:
            change = bars.log_return[k]
            state.short[i] = variance_after(state.short[i], change, n, params.short, params.negligible)
            state.long[i] = variance_after(state.long[i], change, n, params.long, params.negligible)
        wide = 0.0
        if not np.isnan(mid):
            spread = relative_spread(bars.bid[k], bars.ask[k], mid)
            wide = level(spread, state.spread[i], 0.5)
            state.quoted[i] += 1
            weight = 1.0 / state.quoted[i] if state.quoted[i] <= params.quoted else params.usual
            state.spread[i] += weight * (spread - state.spread[i])
        out[k, :] = np.nan
        why[k, :] = EDGE if n > params.long else WARMING_UP
        if n <= params.long or state.long[i] == 0.0:
            continue
        fall = (state.highest[i] - close) / state.highest[i] / math.sqrt(state.long[i] * params.window)
        out[k, 0] = fall / (fall + 1.0)
        why[k, 0] = standing(n, params.long + 1, params.converged)
        if np.isnan(mid) or state.quoted[i] <= params.quoted:
            why[k, 1:] = NO_QUOTES if np.isnan(mid) else WARMING_UP
            continue
        raised = state.short[i] / (state.short[i] + state.long[i])
        stress = (out[k, 0] + raised + wide) / 3.0
        now = next_state(state.state[i], stress, params.enter, params.leave)
        state.bars[i] = state.bars[i] + 1 if now == state.state[i] else 1
        state.state[i] = now
        out[k, 1], out[k, 2], out[k, 3] = stress, now, state.bars[i]
        why[k, 1:] = why[k, 0]


_column = partial(
    Column,
    source="composite; each part in its own bounded map",
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    oracle="naive",
    params={"window": WINDOW, "short": SHORT, "long": LONG, "converged": CONVERGED},
    edges="no volatility: undefined",
)
_stress = partial(_column, inputs=("close", "bid", "ask"), edges="no volatility or no quote: undefined")
_TIES = "market_stress against (sqrt(5) - 1) / 2 and 0.85 of it"
register(
    Group(
        name="stress",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _column(
                "drawdown_stress_60",
                "d / (d + 1), d = (1 - close / highest of the last 60 closes) / sqrt(60 * EMA(log return ** 2, 120))",
                inputs=("close",),
                unit="ratio",
                range=(0.0, 1.0),
            ),
            _stress(
                "market_stress",
                "mean of drawdown_stress_60, v20 / (v20 + v120) and s / (s + usual s); v = EMA(log return ** 2), "
                "s = (ask - bid) / mid, usual s = EMA(s, 120) up to the bar before",
                unit="ratio",
                range=(0.0, 1.0),
            ),
            _stress(
                "stress_state",
                "1 once market_stress > (sqrt(5) - 1) / 2, until it falls below 0.85 of that; else 0",
                unit="state",
                range=(0.0, 1.0),
                ties=_TIES,
            ),
            _stress(
                "bars_in_stress_state",
                "bars with a stress since stress_state last changed, that one included",
                unit="bars",
                range=(1.0, math.inf),
                ties=_TIES,
            ),
        ),
        params=Params(WINDOW, SHORT, LONG, QUOTED, 2 / (LONG + 1), ENTER, 0.85 * ENTER, CONVERGED, TIE * TIE),
        init=init,
        update=update,
    )
)
