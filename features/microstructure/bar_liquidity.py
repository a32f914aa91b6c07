"""Liquidity from bars alone: Amihud's illiquidity, Roll's spread, quotes a trade.

Seed:   none.
Edges:  Amihud leaves out bars without notional, EDGE where none has any; Roll is 0 where successive returns don't
        reverse (Roll leaves it undefined); a bar without trades has no ratio (EDGE).
Cost:   O(20) a bar, 20 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History, past
from features.microstructure import horizons
from features.microstructure.horizons import write, write_share
from schema.ticks import Float64, UInt8

WINDOW = 20


class Params(NamedTuple):
    window: int  # log returns


class State(NamedTuple):
    impact: Float64  # (series, WINDOW) |log return| / notional of the n-th bar at slot n % WINDOW; -1 without notional


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols * n_timeframes, WINDOW)))


@njit(cache=True)
def mean_impact(ring: Float64) -> tuple[float, int]:
    """Return sum and number of the impacts of bars with notional."""
    total, count = 0.0, 0
    for impact in ring:
        if impact >= 0.0:
            total += impact
            count += 1
    return total, count


@njit(cache=True)
def reversal(returns: Float64, i: int, n: int, window: int) -> float:
    """Return minus the covariance of successive log returns, over `window` of them."""
    mean = 0.0
    for lag in range(window):
        mean += past(returns, i, n, lag) / window
    total = 0.0
    for lag in range(window - 1):
        total += (past(returns, i, n, lag) - mean) * (past(returns, i, n, lag + 1) - mean)
    return -total / (window - 1)


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, window = bars.series[k], bars.n[k], params.window
        if n > 1:
            impact = abs(bars.log_return[k]) / bars.notional[k] if bars.notional[k] > 0.0 else -1.0
            state.impact[i, n % window] = impact
        if n > window:
            total, count = mean_impact(state.impact[i])
            write_share(out, why, k, 0, total, count, 0)
            spread = 2e4 * math.sqrt(max(reversal(history.log_return, i, n, window), 0.0))
            write(out, why, k, 1, spread, 0)
        else:
            write(out, why, k, 0, 0.0, horizons.WARMING_UP)
            write(out, why, k, 1, 0.0, horizons.WARMING_UP)
        write_share(out, why, k, 2, float(bars.quotes[k]), float(bars.trades[k]), 0)


_column = partial(Column, driver=Driver.BAR, range=(0.0, math.inf), oracle="naive, in long double")
_window = partial(_column, window=WINDOW + 1, warm_up=WINDOW + 1, params={"window": WINDOW})
register(
    Group(
        name="bar_liquidity",
        family=Family.MICROSTRUCTURE,
        stage=Stage.BARS,
        columns=(
            _window(
                name="amihud_20",
                formula="mean of |log return| / notional over the bars with notional of the last 20",
                source="Amihud (2002)",
                inputs=("close", "notional"),
                unit="1 / quote currency",
                degree_price=-1,
                degree_size=-1,
                edges="no notional in the window: undefined",
            ),
            _window(
                name="roll_spread_20",
                formula="20,000 sqrt(max(0, -cov(log return, log return before))), one mean for both, over 20 returns",
                source="Roll (1984)",
                inputs=("close",),
                unit="bps",
                edges="0 where returns don't reverse, where Roll leaves it undefined",
            ),
            _column(
                name="bar_quote_to_trade_ratio",
                formula="quotes / trades of the bar",
                source="Angel, Harris and Spatt (2011)",
                inputs=("quotes", "trades"),
                window=1,
                warm_up=1,
                unit="ratio",
                edges="bar without trades: undefined",
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
