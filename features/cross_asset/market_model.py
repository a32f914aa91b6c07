"""Beta and correlation of a symbol with the market over its last 60 bars, and what the market leaves of its return.

The market is `market_return`: the equal-weighted mean over the rows of the bar time, the symbol's own included. A
pair is a bar's own log return with the market's; bars without a market (EDGE) give no pair.

Seed:   none.
Edges:  EDGE where this bar has no market, where the market did not move in the window (beta, residual) or either did
        not (correlation); WARMING_UP until 60 pairs.
Cost:   O(60) a row in two passes, 122 numbers a series: deviations are of the window's own means, so nothing cancels.
Source: Sharpe (1963), A Simplified Model for Portfolio Analysis.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.cross_asset.cross_section import gather, mean_of
from features.cross_asset.ranks import EDGE, LEAST
from features.decay import WARMING_UP
from features.inputs import BarGroups, BarInputs
from schema.ticks import Float64, Int64, UInt8

WINDOW = 60


class Params(NamedTuple):
    window: int  # pairs
    least: int  # rows


class State(NamedTuple):
    pairs: Int64  # (series,) seen
    own: Float64  # (series, WINDOW) log return of the n-th pair at slot n % WINDOW
    market: Float64  # (series, WINDOW)


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros(n, np.int64), np.zeros((n, WINDOW)), np.zeros((n, WINDOW)))


@njit(cache=True)
def moments(own: Float64, market: Float64) -> tuple[float, float, float]:
    """Return the sums of own^2, market^2 and own * market, all as deviations from their means."""
    own_mean, market_mean = 0.0, 0.0
    for j in range(len(own)):
        own_mean += own[j]
        market_mean += market[j]
    own_mean /= len(own)
    market_mean /= len(own)
    own_squares = market_squares = products = 0.0
    for j in range(len(own)):
        a, b = own[j] - own_mean, market[j] - market_mean
        own_squares += a * a
        market_squares += b * b
        products += a * b
    return own_squares, market_squares, products


@njit(cache=True)
def write(own: Float64, market: Float64, own_now: float, market_now: float, out: Float64, why: UInt8, k: int) -> None:
    own_squares, market_squares, products = moments(own, market)
    why[k, :] = EDGE
    if market_squares == 0.0:
        return
    beta = products / market_squares
    out[k, 0], out[k, 2] = beta, own_now - beta * market_now
    why[k, 0] = why[k, 2] = 0
    if own_squares > 0.0:
        correlation = products / (math.sqrt(own_squares) * math.sqrt(market_squares))
        out[k, 1], why[k, 1] = min(max(correlation, -1.0), 1.0), 0


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    room = np.empty(len(bars.series))
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        m = gather(bars.log_return, first, last, room) if groups.by_time[g] else 0
        market = mean_of(room[:m]) if m >= params.least else 0.0
        for k in range(first, last):
            i, own = bars.series[k], bars.log_return[k]
            out[k, :] = np.nan
            why[k, :] = EDGE if m < params.least and not np.isnan(own) else WARMING_UP
            if m < params.least or np.isnan(own):
                continue
            state.own[i, state.pairs[i] % WINDOW] = own
            state.market[i, state.pairs[i] % WINDOW] = market
            state.pairs[i] += 1
            if state.pairs[i] >= params.window:
                write(state.own[i], state.market[i], own, market, out, why, k)


_column = partial(
    Column,
    source="Sharpe (1963)",
    inputs=("log_return",),
    driver=Driver.BAR,
    window=WINDOW + 1,
    warm_up=WINDOW + 1,
    oracle="naive, in long double",
    params={"window": WINDOW, "least_rows": LEAST},
    edges="no market at this bar time, or one that did not move in the window: undefined",
)
register(
    Group(
        name="market_model",
        family=Family.CROSS_ASSET,
        stage=Stage.CROSS,
        columns=(
            _column(
                "market_beta_60",
                "cov(log return, market_return) / var(market_return) over 60 bars",
                unit="ratio",
                range=(-math.inf, math.inf),
            ),
            _column(
                "market_correlation_60",
                "cov(log return, market_return) / (deviation of each) over 60 bars",
                unit="ratio",
                range=(-1.0, 1.0),
                edges="no market at this bar time, or either did not move in the window: undefined",
            ),
            _column(
                "residual_return_60",
                "log return - market_beta_60 * market_return",
                unit="log return",
                range=(-math.inf, math.inf),
            ),
        ),
        params=Params(WINDOW, LEAST),
        init=init,
        update=update,
    )
)
