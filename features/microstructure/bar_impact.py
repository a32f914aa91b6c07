"""What turnover does to prices: Amihud's illiquidity; turnover beside its mean.

Seed:   none.
Edges:  bars without notional are left out of Amihud, EDGE where all are.
Cost:   O(1) a bar, 1 kB a series; running sums are rebuilt every lap and are 0 where all their terms are.
Source: Amihud (2002).
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History
from features.microstructure.horizons import WARMING_UP, write_share
from schema.ticks import Float64, UInt8

SHORT, WINDOW, RING = 20, 60, 64
LONG_IMPACT, LONG_TRADED, SHORT_IMPACT, SHORT_TRADED, NOTIONAL, SUMS = range(6)
NOT_TRADED = -1.0


class Params(NamedTuple):
    windows: tuple[int, int]


class State(NamedTuple):
    bars: Float64  # (RING, 2, series) impact (or NOT_TRADED) and notional of the n-th bar at slot n % RING
    sums: Float64  # (series, SUMS) of impacts, how many, of notionals; the first two over SHORT


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((RING, 2, n)), np.zeros((n, SUMS)))


@njit(cache=True, inline="always")
def _count(sums: Float64, i: int, at: int, sign: float, impact: float) -> None:
    """Let a bar in, or with sign -1 out; without a branch, since whether it traded can't be foretold."""
    sums[i, at] += sign * (0.5 * (impact + abs(impact)))
    sums[i, at + 1] += sign * (impact >= 0.0)


@njit(cache=True)
def _rebuild(ring: Float64, sums: Float64, i: int, n: int) -> None:
    for c in range(SUMS):
        sums[i, c] = 0.0
    for lag in range(min(WINDOW, n - 1) - 1, -1, -1):
        slot = (n - lag) & (RING - 1)
        _count(sums, i, LONG_IMPACT, 1.0, ring[slot, 0, i])
        sums[i, NOTIONAL] += ring[slot, 1, i]
        if lag < SHORT:
            _count(sums, i, SHORT_IMPACT, 1.0, ring[slot, 0, i])


@njit(cache=True, inline="always")
def _slide(ring: Float64, sums: Float64, i: int, n: int, impact: float, notional: float) -> None:
    """Bring the sums to the n-th bar; the first has no return and is in none."""
    _count(sums, i, LONG_IMPACT, 1.0, impact)
    _count(sums, i, SHORT_IMPACT, 1.0, impact)
    sums[i, NOTIONAL] += notional
    if n > SHORT + 1:
        _count(sums, i, SHORT_IMPACT, -1.0, ring[(n - SHORT) & (RING - 1), 0, i])
    if n > WINDOW + 1:
        old = (n - WINDOW) & (RING - 1)
        _count(sums, i, LONG_IMPACT, -1.0, ring[old, 0, i])
        sums[i, NOTIONAL] -= ring[old, 1, i]
    if sums[i, LONG_TRADED] == 0.0:
        sums[i, LONG_IMPACT] = sums[i, NOTIONAL] = 0.0
    if sums[i, SHORT_TRADED] == 0.0:
        sums[i, SHORT_IMPACT] = 0.0


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    ring, sums = state
    series, nth, log_return, notionals = bars.series, bars.n, bars.log_return, bars.notional
    for k in range(len(series)):
        i, n, notional = series[k], nth[k], notionals[k]
        if n > 1:
            share = abs(log_return[k]) / notional
            impact = share if notional > 0.0 else NOT_TRADED
            slot = n & (RING - 1)
            ring[slot, 0, i], ring[slot, 1, i] = impact, notional
            if n % WINDOW == 2:
                _rebuild(ring, sums, i, n)
            else:
                _slide(ring, sums, i, n, impact, notional)
        long, short = (0 if n > WINDOW else WARMING_UP), (0 if n > SHORT else WARMING_UP)
        write_share(out, why, k, 0, max(sums[i, LONG_IMPACT], 0.0), sums[i, LONG_TRADED], long)
        write_share(out, why, k, 1, WINDOW * notional, sums[i, NOTIONAL], long)
        write_share(out, why, k, 2, max(sums[i, SHORT_IMPACT], 0.0), sums[i, SHORT_TRADED], short)


_column = partial(Column, driver=Driver.BAR, oracle="naive, in long double")


def _amihud(window: int) -> Column:
    return _column(
        f"amihud_{window}",
        f"mean of |log return| / notional over the bars with notional of the last {window}",
        "Amihud (2002)",
        ("close", "notional"),
        unit="1 / quote currency",
        degree_price=-1,
        degree_size=-1,
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
    _amihud(SHORT),
)
PARAMS = Params((SHORT, WINDOW))
register(Group("bar_impact", Family.MICROSTRUCTURE, Stage.BARS, COLUMNS, PARAMS, init, update, version=3))
