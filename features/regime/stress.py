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
from features.regime.windows import MASK, leave_undefined
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOW, SHORT, LONG = 60, 20, 120
QUOTED = 20  # quoted bars until the spread's usual is known
ENTER = (math.sqrt(5) - 1) / 2
WARM_UP = LONG + 1
CONVERGED = WARM_UP + burn_in(1 - 2 / (LONG + 1))
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    usual: float  # weight of a bar in the spread's usual
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
def _highest(closes: Float64, i: int, n: int) -> tuple[float, int]:
    """Return the highest of the last closes and how many bars ago it was, the latest of equal ones."""
    highest, since = closes[(n - 1) & MASK, i], 0
    for lag in range(1, min(WINDOW, n)):
        before = closes[(n - 1 - lag) & MASK, i]
        if before > highest:
            highest, since = before, lag
    return highest, since


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    highs, sinces, shorts, longs, usuals, quoted, states, lasted = state
    series, nth, closes, bids, asks, mids = bars.series, bars.n, bars.close, bars.bid, bars.ask, bars.mid
    log_return = bars.log_return
    for k in range(len(series)):
        i, n, close, mid = series[k], nth[k], closes[k], mids[k]
        sinces[i] += 1
        if close >= highs[i]:
            highs[i], sinces[i] = close, 0
        elif sinces[i] >= WINDOW:
            highs[i], sinces[i] = _highest(history.close, i, n)
        if n > 1:
            shorts[i] = variance_after(shorts[i], log_return[k], n, SHORT, params.negligible)
            longs[i] = variance_after(longs[i], log_return[k], n, LONG, params.negligible)
        short, long, wide, has_quote = shorts[i], longs[i], 0.0, not np.isnan(mid)
        if has_quote:
            spread = relative_spread(bids[k], asks[k], mid)
            wide = level(spread, usuals[i], 0.5)
            quoted[i] += 1
            weight = 1.0 / quoted[i] if quoted[i] <= QUOTED else params.usual
            usuals[i] += weight * (spread - usuals[i])
        if n <= LONG or long == 0.0:
            leave_undefined(out, why, k, 4, EDGE if n > LONG else WARMING_UP)
            continue
        fall = (highs[i] - close) / highs[i] / math.sqrt(long * WINDOW)
        drawdown, reason = fall / (fall + 1.0), standing(n, WARM_UP, params.converged)
        if not has_quote or quoted[i] <= QUOTED:
            leave_undefined(out, why, k, 4, WARMING_UP if has_quote else NO_QUOTES)
            out[k, 0], why[k, 0] = drawdown, reason
            continue
        stress = (drawdown + short / (short + long) + wide) / 3.0
        now = next_state(states[i], stress, params.enter, params.leave)
        lasted[i] = lasted[i] + 1 if now == states[i] else 1
        states[i] = now
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = drawdown, stress, now, lasted[i]
        why[k, 0] = why[k, 1] = why[k, 2] = why[k, 3] = reason


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
        params=Params(2 / (LONG + 1), ENTER, 0.85 * ENTER, CONVERGED, TIE * TIE),
        init=init,
        update=update,
    )
)
