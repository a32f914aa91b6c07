"""A bar's return and volume among all symbols of its bar time: market, relative return, ranks, dispersion, breadth.

The market is the equal-weighted mean of the log returns of all rows of the bar time that have one, the symbol's own
included. Rows come in the order of the symbols' names and sums run in it, so where a symbol lies in the state does
not matter.

Seed:   none.
Edges:  EDGE with fewer than two such rows, and for tick, volume and dollar bars, which meet no other symbol.
Cost:   O(log rows) a row, no state.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.decay import WARMING_UP
from features.inputs import BarGroups, BarInputs
from schema.reasons import Why
from schema.ticks import Float64, UInt8

LEAST = 2  # rows
EDGE = int(Why.EDGE)
MARKET, RELATIVE, RANK, DISPERSION, BREADTH, VOLUME_RANK = range(6)


class Params(NamedTuple):
    least: int  # rows


@njit(cache=True)
def gather(column: Float64, first: int, last: int, values: Float64) -> int:
    """Copy what is not NaN of rows first .. last into `values`, in order; return how many."""
    m = 0
    for k in range(first, last):
        if not np.isnan(column[k]):
            values[m] = column[k]
            m += 1
    return m


@njit(cache=True)
def average_rank(ordered: Float64, value: float) -> float:
    """Return the place of a value among ordered ones, 0 the least and 1 the largest, ties sharing theirs."""
    below = np.searchsorted(ordered, value, side="left")
    not_above = np.searchsorted(ordered, value, side="right")
    return (below + not_above - 1) / (2.0 * (len(ordered) - 1))


@njit(cache=True)
def describe(values: Float64) -> tuple[float, float, float]:
    """Return mean, population standard deviation and the share above 0."""
    mean = squares = 0.0
    rising = 0
    for value in values:
        mean += value
        rising += value > 0.0
    mean /= len(values)
    for value in values:
        squares += (value - mean) ** 2
    return mean, math.sqrt(squares / len(values)), rising / len(values)


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    room = np.empty(len(bars.series))
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        out[first:last, :], why[first:last, :] = np.nan, EDGE
        m = gather(bars.log_return, first, last, room) if groups.by_time[g] else 0
        if m >= params.least:
            mean, deviation, breadth = describe(room[:m])
            room[:m].sort()
        for k in range(first, last):
            if np.isnan(bars.log_return[k]):
                why[k, :VOLUME_RANK] = WARMING_UP
            elif m >= params.least:
                out[k, MARKET], out[k, RELATIVE] = mean, bars.log_return[k] - mean
                out[k, RANK] = average_rank(room[:m], bars.log_return[k])
                out[k, DISPERSION], out[k, BREADTH] = deviation, breadth
                why[k, :VOLUME_RANK] = 0
        if groups.by_time[g] and last - first >= params.least:
            n = gather(bars.notional, first, last, room)
            room[:n].sort()
            for k in range(first, last):
                out[k, VOLUME_RANK], why[k, VOLUME_RANK] = average_rank(room[:n], bars.notional[k]), 0


_column = partial(
    Column,
    inputs=("log_return",),
    driver=Driver.BAR,
    window=2,
    warm_up=2,
    oracle="naive, in long double",
    params={"least_rows": LEAST},
    edges="fewer than 2 rows of the bar time, or activity bars: undefined",
)
_return = partial(_column, unit="log return", range=(-math.inf, math.inf))
_share = partial(_column, unit="ratio", range=(0.0, 1.0))
register(
    Group(
        name="cross_section",
        family=Family.CROSS_ASSET,
        stage=Stage.CROSS,
        columns=(
            _return("market_return", "mean of the log returns of all rows of the bar time", "Sharpe (1964)"),
            _return("relative_return", "log return - market_return", "Jegadeesh and Titman (1993)"),
            _share(
                "return_rank",
                "(average rank of the log return - 1) / (rows - 1)",
                "Jegadeesh and Titman (1993)",
                ties="average rank",
            ),
            _column(
                "return_dispersion",
                "population standard deviation of the log returns of the bar time",
                "Stivers and Sun (2010)",
                unit="log return",
                range=(0.0, math.inf),
            ),
            _share("breadth", "share of the rows whose return is above 0", "Zaremba et al. (2021)", ties="0 is not up"),
            _share(
                "volume_rank",
                "(average rank of the notional - 1) / (rows - 1)",
                "Gervais, Kaniel and Mingelgrin (2001)",
                inputs=("notional",),
                window=1,
                warm_up=1,
                ties="average rank",
            ),
        ),
        params=Params(LEAST),
        init=no_state,
        update=update,
    )
)
