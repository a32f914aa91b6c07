"""What turnover does to prices: Amihud's illiquidity, Pastor and Stambaugh's reversal; turnover beside its mean.

Pastor-Stambaugh: r' = theta + phi r + gamma sign(r) notional, least squares over 60 pairs of bars, r' the return after.

Seed:   none.
Edges:  bars without notional are left out of Amihud, EDGE where all are; EDGE where the regressors are constant or
        their squared correlation is above 1 - 1e-6.
Cost:   O(1) a bar, 0.7 kB a series; running sums are rebuilt every lap and are 0 where all their terms are.
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

SHORT, WINDOW, RING = 20, 60, 64
IMPACT, TRADED, NOTIONAL, MOVED, ONE, TWO, AFTER, ONE_ONE, ONE_TWO, TWO_TWO, ONE_AFTER, TWO_AFTER = range(12)
SHORT_IMPACT, SHORT_TRADED, LAST, SPENT, SUMS = range(12, 17)


class Params(NamedTuple):
    tie: float
    collinear: float  # 1 - squared correlation of the regressors at which they are one


class State(NamedTuple):
    notional: Float64  # (RING, series) of the n-th bar at slot (n - 1) % RING
    sums: Float64  # (series, SUMS) over the window: of impacts and notionals, the regression's; the last bar


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((RING, n)), np.zeros((n, SUMS)))


@njit(cache=True, inline="always")
def impact_of(change: float, notional: float) -> float:
    return abs(change) / notional if notional > 0.0 else 0.0


@njit(cache=True, inline="always")
def add_bar(sums: Float64, i: int, sign: float, change: float, notional: float) -> None:
    if notional > 0.0:
        sums[i, IMPACT] += sign * impact_of(change, notional)
        sums[i, TRADED] += sign
        sums[i, NOTIONAL] += sign * notional


@njit(cache=True, inline="always")
def add_short(sums: Float64, i: int, sign: float, change: float, notional: float) -> None:
    if notional > 0.0:
        sums[i, SHORT_IMPACT] += sign * impact_of(change, notional)
        sums[i, SHORT_TRADED] += sign


@njit(cache=True, inline="always")
def add_pair(sums: Float64, i: int, sign: float, change: float, notional: float, after: float, tie: float) -> None:
    one = change if abs(change) > tie else 0.0
    two = notional if one > 0.0 else -notional if one < 0.0 else 0.0
    sums[i, MOVED] += sign if two != 0.0 else 0.0
    sums[i, ONE] += sign * one
    sums[i, TWO] += sign * two
    sums[i, AFTER] += sign * after
    sums[i, ONE_ONE] += sign * (one * one)
    sums[i, ONE_TWO] += sign * (one * two)
    sums[i, TWO_TWO] += sign * (two * two)
    sums[i, ONE_AFTER] += sign * (one * after)
    sums[i, TWO_AFTER] += sign * (two * after)


@njit(cache=True)
def rebuild(sums: Float64, returns: Float64, notional: Float64, i: int, n: int, tie: float) -> None:
    for c in range(LAST):
        sums[i, c] = 0.0
    for lag in range(WINDOW - 1, -1, -1):
        spent = notional[(n - 1 - lag) & (RING - 1), i]
        if n - lag > 1:
            add_bar(sums, i, 1.0, past(returns, i, n, lag), spent)
            if lag < SHORT:
                add_short(sums, i, 1.0, past(returns, i, n, lag), spent)
        if n - lag > 2:
            old, before = past(returns, i, n, lag + 1), notional[(n - 2 - lag) & (RING - 1), i]
            add_pair(sums, i, 1.0, old, before, past(returns, i, n, lag), tie)


@njit(cache=True, inline="always")
def slide(
    sums: Float64, returns: Float64, notional: Float64, i: int, n: int, newest: float, value: float, tie: float
) -> None:
    """Bring the sums to the n-th bar: whole bars of the last SHORT and WINDOW, pairs of those and the bar before."""
    add_bar(sums, i, 1.0, newest, value)
    add_short(sums, i, 1.0, newest, value)
    add_pair(sums, i, 1.0, sums[i, LAST], sums[i, SPENT], newest, tie)
    if n > SHORT + 1:
        add_short(sums, i, -1.0, past(returns, i, n, SHORT), notional[(n - 1 - SHORT) & (RING - 1), i])
    if n > WINDOW + 1:
        gone = past(returns, i, n, WINDOW)
        add_bar(sums, i, -1.0, gone, notional[(n - 1 - WINDOW) & (RING - 1), i])
        if n > WINDOW + 2:
            older, spent = past(returns, i, n, WINDOW + 1), notional[(n - 2 - WINDOW) & (RING - 1), i]
            add_pair(sums, i, -1.0, older, spent, gone, tie)
    if sums[i, TRADED] == 0.0:
        sums[i, IMPACT] = sums[i, NOTIONAL] = 0.0
    if sums[i, SHORT_TRADED] == 0.0:
        sums[i, SHORT_IMPACT] = 0.0


@njit(cache=True, inline="always")
def gamma(sums: Float64, i: int, collinear: float) -> tuple[float, bool]:
    """Return the coefficient of signed notional, and whether there is one."""
    one, two, after = sums[i, ONE], sums[i, TWO], sums[i, AFTER] / WINDOW
    ones, twos = sums[i, ONE_ONE] - one / WINDOW * one, sums[i, TWO_TWO] - two / WINDOW * two
    both = sums[i, ONE_TWO] - one / WINDOW * two
    determinant = ones * twos - both * both
    if sums[i, MOVED] == 0.0 or not determinant > collinear * (ones * twos):
        return 0.0, False
    first, second = sums[i, ONE_AFTER] - one * after, sums[i, TWO_AFTER] - two * after
    return (second * ones - first * both) / determinant, True


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    ring, sums, returns, tie, collinear = state.notional, state.sums, history.log_return, params.tie, params.collinear
    series, nth, log_return, notional = bars.series, bars.n, bars.log_return, bars.notional
    for k in range(len(series)):
        i, n, value = series[k], nth[k], notional[k]
        defined, slope = True, 0.0
        ring[(n - 1) & (RING - 1), i] = value
        if n > 1:
            if n % WINDOW == 2:
                rebuild(sums, returns, ring, i, n, tie)
            else:
                slide(sums, returns, ring, i, n, log_return[k], value, tie)
            sums[i, LAST], sums[i, SPENT] = log_return[k], value
        if n > WINDOW + 1:
            slope, defined = gamma(sums, i, collinear)
        reason = 0 if n > WINDOW else WARMING_UP
        write_share(out, why, k, 0, max(sums[i, IMPACT], 0.0), sums[i, TRADED], reason)
        write_share(out, why, k, 1, WINDOW * value, sums[i, NOTIONAL], reason)
        write(out, why, k, 2, slope, WARMING_UP if n < WINDOW + 2 else 0 if defined else EDGE)
        short = 0 if n > SHORT else WARMING_UP
        write_share(out, why, k, 3, max(sums[i, SHORT_IMPACT], 0.0), sums[i, SHORT_TRADED], short)


_column = partial(Column, driver=Driver.BAR, oracle="naive, in long double")
_illiquid = partial(_column, inputs=("close", "notional"), unit="1 / quote currency", degree_price=-1, degree_size=-1)


def _amihud(window: int) -> Column:
    return _illiquid(
        f"amihud_{window}",
        f"mean of |log return| / notional over the bars with notional of the last {window}",
        "Amihud (2002)",
        window=window + 1,
        warm_up=window + 1,
        range=(0.0, math.inf),
        params={"window": window},
        edges="no notional in the window: undefined",
    )


COLUMNS = (
    _amihud(WINDOW),
    _column(
        "turnover_ratio_60",
        "notional / mean notional of the last 60 bars",
        "Datar, Naik and Radcliffe (1998), turnover",
        ("notional",),
        window=WINDOW + 1,
        warm_up=WINDOW + 1,
        unit="ratio",
        range=(0.0, float(WINDOW)),
        params={"window": WINDOW},
        edges="no notional in the window: undefined",
    ),
    _illiquid(
        "pastor_stambaugh_gamma_60",
        "coefficient of sign(log return) notional for the log return after, beside that of the log return, 60 pairs",
        "Pastor and Stambaugh (2003)",
        window=WINDOW + 2,
        warm_up=WINDOW + 2,
        range=(-math.inf, math.inf),
        params={"window": WINDOW},
        edges="constant or collinear regressors: undefined",
        ties="a log return within 1e-12 is 0",
    ),
    _amihud(SHORT),
)
register(Group("bar_impact", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, Params(TIE, 1e-6), init, update, version=2))
