"""A series' returns against the market's and the leaders': beta, correlation, lead and lag, residuals, strength.

The market is `market_return`: the equal-weighted mean over the rows of the bar time, the symbol's own included. A
leader is one of the symbols of the setting `universe.leaders`. Windows run over market times (see `market_clock`).

Seed:   none.
Edges:  EDGE where this bar has no market, or the market, the leader or, for correlations, the series itself did not
        move in the window; WARMING_UP until the series has been there for as many market times in a row as a window
        takes; NO_FEED where the bar time has no row of the leader.
Cost:   O(1) a row and about 1,000 additions a bar time; 128 + 28 numbers a series.
Source: Sharpe (1963), A Simplified Model for Portfolio Analysis.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.cross_asset.cross_section import gather, mean_of
from features.cross_asset.market_clock import streak_of, tick
from features.cross_asset.market_columns import COLUMNS
from features.cross_asset.market_rows import write_row
from features.cross_asset.market_side import SIDES, write_sides
from features.cross_asset.pair_sums import RING, SUMS
from features.cross_asset.ranks import LEAST, leave_undefined, reason_without_market
from features.inputs import LEADERS, BarGroups, BarInputs
from schema.ticks import Float64, Int64, UInt8


class Params(NamedTuple):
    least: int  # rows


class State(NamedTuple):
    times: Int64  # (timeframes,) market times
    market: Float64  # (timeframes, RING) mean return of market time t at slot t % RING
    leaders: Float64  # (timeframes, RING, LEADERS) their returns, 0 where there is none
    led: Int64  # (timeframes, LEADERS) market times in a row at which the leader had a return
    seen: Int64  # (series,) the last market time at which it had a return
    streak: Int64  # (series,) how many of them in a row
    own: Float64  # (RING, series)
    sums: Float64  # (series, SUMS)


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(
        np.zeros(n_timeframes, np.int64), np.zeros((n_timeframes, RING)), np.zeros((n_timeframes, RING, LEADERS)),
        np.zeros((n_timeframes, LEADERS), np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64),
        np.zeros((RING, n)), np.zeros((n, SUMS)),
    )  # fmt: skip


@njit(cache=True)
def follow_leaders(leaders: Float64, led: Int64, t: int, rows: Int64, log_return: Float64) -> None:
    """Keep the leaders' returns of market time t."""
    for j in range(LEADERS):
        has = rows[j] >= 0 and not np.isnan(log_return[max(rows[j], 0)])
        leaders[t & (RING - 1), j] = log_return[rows[j]] if has else 0.0
        led[j] = led[j] + 1 if has else 0


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    room, sides = np.empty(len(bars.series)), np.empty((SIDES, 4))
    series, log_return = bars.series, bars.log_return
    seen, streak, own, sums = state.seen, state.streak, state.own, state.sums
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        m = gather(log_return, first, last, room) if groups.by_time[g] else 0
        if m >= params.least:
            f, rows = bars.timeframe[first], groups.leaders[g]
            t = tick(state.times, state.market, f, mean_of(room[:m]))
            market, leaders, led = state.market[f], state.leaders[f], state.led[f]
            follow_leaders(leaders, led, t, rows, log_return)
            write_sides(market, leaders, t, sides)
        for k in range(first, last):
            if m < params.least or np.isnan(log_return[k]):
                leave_undefined(k, k + 1, reason_without_market(log_return[k]), out, why)
            else:
                i, x = series[k], log_return[k]
                n = streak_of(seen, streak, i, t)
                write_row(own, sums, i, market, leaders, led, rows, sides, t, n, x, out, why, k)


register(
    Group(
        name="market_model",
        family=Family.CROSS_ASSET,
        stage=Stage.CROSS,
        columns=COLUMNS,
        params=Params(LEAST),
        init=init,
        update=update,
        version=3,
    )
)
