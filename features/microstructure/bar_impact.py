"""What turnover does to prices: Amihud's illiquidity, Pastor and Stambaugh's reversal; turnover beside its mean.

Pastor-Stambaugh: r' = theta + phi r + gamma sign(r) notional, least squares over 60 pairs of bars, r' the return after.

Seed:   none.
Edges:  bars without notional are left out of Amihud, EDGE where all are; EDGE where the regressors are constant or
        their squared correlation is above 1 - 1e-6.
Cost:   O(1) a bar, 1 kB a series; running sums are rebuilt every lap and are 0 where all their terms are.
Source: Amihud (2002); Pastor and Stambaugh (2003), with the return itself in place of that beyond the market.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History, past
from features.microstructure.horizons import EDGE, WARMING_UP, write, write_share
from features.ties import TIE
from schema.ticks import Float64, UInt8

WINDOW, RING = 60, 64
IMPACT, TRADED, NOTIONAL, MOVED = range(4)
LAST, SPENT = 12, 13
ONE, TWO, AFTER, ONE_ONE, ONE_TWO, TWO_TWO, ONE_AFTER, TWO_AFTER = range(4, 12)


class Params(NamedTuple):
    tie: float
    collinear: float  # 1 - squared correlation of the regressors at which they are one


class State(NamedTuple):
    notional: Float64  # (series, RING) of the n-th bar at slot (n - 1) % RING
    sums: Float64  # (series, 14) over the window: of impacts and notionals, then the regression's; the last bar


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, RING)), np.zeros((n, 14)))


@njit(cache=True, inline="always")
def add_bar(sums: Float64, sign: float, change: float, notional: float) -> None:
    if notional > 0.0:
        sums[IMPACT] += sign * (abs(change) / notional)
        sums[TRADED] += sign
        sums[NOTIONAL] += sign * notional


@njit(cache=True, inline="always")
def add_pair(sums: Float64, sign: float, change: float, notional: float, after: float, tie: float) -> None:
    one = change if abs(change) > tie else 0.0
    two = notional if one > 0.0 else -notional if one < 0.0 else 0.0
    sums[MOVED] += sign if two != 0.0 else 0.0
    sums[ONE] += sign * one
    sums[TWO] += sign * two
    sums[AFTER] += sign * after
    sums[ONE_ONE] += sign * (one * one)
    sums[ONE_TWO] += sign * (one * two)
    sums[TWO_TWO] += sign * (two * two)
    sums[ONE_AFTER] += sign * (one * after)
    sums[TWO_AFTER] += sign * (two * after)


@njit(cache=True)
def slide(
    sums: Float64, returns: Float64, notional: Float64, i: int, n: int, newest: float, value: float, tie: float
) -> None:
    """Bring the sums to the n-th bar: whole bars of the last WINDOW, pairs of those and the bar before."""
    if n % WINDOW == 2:
        sums[:LAST] = 0.0
        for lag in range(WINDOW - 1, -1, -1):
            if n - lag > 1:
                add_bar(sums, 1.0, past(returns, i, n, lag), notional[(n - 1 - lag) & (RING - 1)])
            if n - lag > 2:
                old, before = past(returns, i, n, lag + 1), notional[(n - 2 - lag) & (RING - 1)]
                add_pair(sums, 1.0, old, before, past(returns, i, n, lag), tie)
        return
    add_bar(sums, 1.0, newest, value)
    add_pair(sums, 1.0, sums[LAST], sums[SPENT], newest, tie)
    if n > WINDOW + 1:
        gone, spent = past(returns, i, n, WINDOW), notional[(n - 1 - WINDOW) & (RING - 1)]
        add_bar(sums, -1.0, gone, spent)
        if n > WINDOW + 2:
            older, spent = past(returns, i, n, WINDOW + 1), notional[(n - 2 - WINDOW) & (RING - 1)]
            add_pair(sums, -1.0, older, spent, gone, tie)
    if sums[TRADED] == 0.0:
        sums[IMPACT] = sums[NOTIONAL] = 0.0


@njit(cache=True)
def gamma(sums: Float64, collinear: float) -> tuple[float, bool]:
    """Return the coefficient of signed notional, and whether there is one."""
    one, two = sums[ONE] / WINDOW, sums[TWO] / WINDOW
    ones, twos = sums[ONE_ONE] - one * sums[ONE], sums[TWO_TWO] - two * sums[TWO]
    both = sums[ONE_TWO] - one * sums[TWO]
    determinant = ones * twos - both * both
    if sums[MOVED] == 0.0 or not determinant > collinear * (ones * twos):
        return 0.0, False
    first, second = sums[ONE_AFTER] - one * sums[AFTER], sums[TWO_AFTER] - two * sums[AFTER]
    return (second * ones - first * both) / determinant, True


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, value = bars.series[k], bars.n[k], bars.notional[k]
        sums, defined, slope = state.sums[i], True, 0.0
        state.notional[i, (n - 1) & (RING - 1)] = value
        if n > 1:
            slide(sums, history.log_return, state.notional[i], i, n, bars.log_return[k], value, params.tie)
            sums[LAST], sums[SPENT] = bars.log_return[k], value
        if n > WINDOW + 1:
            slope, defined = gamma(sums, params.collinear)
        reason = 0 if n > WINDOW else WARMING_UP
        write_share(out, why, k, 0, sums[IMPACT], sums[TRADED], reason)
        write_share(out, why, k, 1, WINDOW * value, sums[NOTIONAL], reason)
        write(out, why, k, 2, slope, WARMING_UP if n < WINDOW + 2 else 0 if defined else EDGE)


_column = partial(Column, driver=Driver.BAR, oracle="naive, in long double", params={"window": WINDOW})
_illiquid = partial(_column, inputs=("close", "notional"), unit="1 / quote currency", degree_price=-1, degree_size=-1)
COLUMNS = (
    _illiquid(
        "amihud_60",
        "mean of |log return| / notional over the bars with notional of the last 60",
        "Amihud (2002)",
        window=WINDOW + 1,
        warm_up=WINDOW + 1,
        range=(0.0, math.inf),
        edges="no notional in the window: undefined",
    ),
    _column(
        "turnover_ratio_60",
        "notional / mean notional of the last 60 bars",
        "Datar, Naik and Radcliffe (1998), turnover",
        ("notional",),
        window=WINDOW + 1,
        warm_up=WINDOW + 1,
        unit="ratio",
        range=(0.0, float(WINDOW)),
        edges="no notional in the window: undefined",
    ),
    _illiquid(
        "pastor_stambaugh_gamma_60",
        "coefficient of sign(log return) notional for the log return after, beside that of the log return, 60 pairs",
        "Pastor and Stambaugh (2003)",
        window=WINDOW + 2,
        warm_up=WINDOW + 2,
        range=(-math.inf, math.inf),
        edges="constant or collinear regressors: undefined",
        ties="a log return within 1e-12 is 0",
    ),
)
register(Group("bar_impact", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, Params(TIE, 1e-6), init, update))
