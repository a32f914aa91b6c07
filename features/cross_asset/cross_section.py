"""A bar's return among all symbols of its bar time: market, relative return, rank, dispersion, breadth, skewness.

The market is the equal-weighted mean of the log returns of all rows of the bar time that have one, the symbol's own
included. Rows come in the order of the symbols' names and sums run in it, so where a symbol lies in the state does
not matter.

Seed:   none.
Edges:  EDGE with fewer than two such rows, and for tick, volume and dollar bars, which meet no other symbol; z-score
        and skewness also where all returns are the same.
Cost:   O(1) a row and one sort a bar time, no state.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.cross_asset.ranks import EDGE, LEAST, leave_undefined, reason_without_market, write_ranks
from features.decay import WARMING_UP
from features.inputs import BarGroups, BarInputs
from features.ties import TIE
from schema.ticks import Float64, UInt8

MARKET, RELATIVE, RANK, DISPERSION, BREADTH, Z_SCORE, SKEWNESS, ABSOLUTE = range(8)


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
def mean_of(values: Float64) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


@njit(cache=True)
def describe(values: Float64, mean: float) -> tuple[float, float, float, float]:
    """Return population deviation, skewness (NaN if all are the same), mean absolute deviation, share above 0."""
    squares = cubes = absolute = 0.0
    rising = 0
    for value in values:
        apart = value - mean
        squares += apart * apart
        cubes += apart * apart * apart
        absolute += abs(apart)
        rising += value > TIE
    n = len(values)
    deviation = math.sqrt(squares / n)
    skewness = cubes / n / (deviation * deviation * deviation) if deviation > TIE else np.nan
    return deviation, skewness, absolute / n, rising / n


@njit(cache=True, error_model="numpy")
def update(params: Params, state: NoState, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    room, log_return = np.empty(len(bars.series)), bars.log_return
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        m = gather(log_return, first, last, room) if groups.by_time[g] else 0
        leave_undefined(first, last, EDGE, out, why)
        if m < params.least:
            for k in range(first, last):
                why[k, :] = reason_without_market(log_return[k])
            continue
        mean = mean_of(room[:m])
        deviation, skewness, absolute, breadth = describe(room[:m], mean)
        write_ranks(log_return[first:last], first, WARMING_UP, out[:, RANK], why[:, RANK])
        for k in range(first, last):
            if np.isnan(log_return[k]):
                why[k, :] = WARMING_UP
                continue
            relative = log_return[k] - mean
            out[k, MARKET], out[k, RELATIVE], out[k, DISPERSION] = mean, relative, deviation
            out[k, BREADTH], out[k, ABSOLUTE] = breadth, absolute
            why[k, MARKET] = why[k, RELATIVE] = why[k, DISPERSION] = why[k, BREADTH] = why[k, ABSOLUTE] = 0
            if not np.isnan(skewness):
                out[k, Z_SCORE], out[k, SKEWNESS] = relative / deviation, skewness
                why[k, Z_SCORE] = why[k, SKEWNESS] = 0


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
_spread = partial(_column, unit="log return", range=(0.0, math.inf))
_share = partial(_column, unit="ratio", range=(0.0, 1.0))
_shape = partial(
    _column,
    unit="ratio",
    range=(-math.inf, math.inf),
    edges="all returns the same, fewer than 2 rows of the bar time, or activity bars: undefined",
)
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
            _spread(
                "return_dispersion",
                "population standard deviation of the log returns of the bar time",
                "Stivers and Sun (2010)",
            ),
            _share(
                "breadth",
                "share of the rows whose return is above 0",
                "Zaremba et al. (2021)",
                ties="a return of less than 1e-12 is not up",
            ),
            _shape("return_z_score", "relative_return / return_dispersion", "Lehmann (1990)"),
            _shape(
                "cross_section_skewness",
                "population skewness of the log returns of the bar time",
                "Higson, Holly and Kattuman (2002)",
            ),
            _spread(
                "absolute_dispersion",
                "mean of |relative_return| over the rows of the bar time",
                "Chang, Cheng and Khorana (2000)",
            ),
        ),
        params=Params(LEAST),
        init=no_state,
        update=update,
        version=2,
    )
)
