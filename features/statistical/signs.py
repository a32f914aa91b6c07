"""Directions of the last log returns: how often they turn, rise, go on, and in which orders closes come.

Seed:   none.
Edges:  a return of 0 (up to 1e-12) is no direction: signs are compared over it, and of equal closes the earlier counts
        as the lower.
Cost:   O(1) a bar, 14 small numbers a series: counts change by what enters and leaves.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

WINDOWS = (20, 60)
ORDERS = 6  # of three closes
LONG = 60
WEIGHED = np.array([count * math.log(count) if count else 0.0 for count in range(LONG)])  # k log k
WHOLE, MOST = math.log(LONG - 2), math.log(ORDERS)


class Params(NamedTuple):
    windows: tuple[int, ...]


class State(NamedTuple):
    turns: Int64  # (series, windows) changes of sign in the window
    rises: Int64  # (series, windows)
    oldest: Int64  # (series, windows) n of the oldest bar of the window that moved, or of the next one to come
    orders: Int64  # (series, ORDERS) triples of closes in each order, of the last LONG
    streak: Int64  # (series,) bars up in a row, or (negative) down
    sign: Int64  # (series,) direction of the last bar that moved, 0 before the first


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    turns, rises, oldest = (np.zeros((n, len(WINDOWS)), np.int64) for _ in range(3))
    return State(turns, rises, oldest, np.zeros((n, ORDERS), np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64))


@njit(cache=True, inline="always")
def _order(first: float, second: float) -> int:
    """Return which of six orders three closes come in, from the log returns between them."""
    both = first + second
    up, then, over = first >= -TIE, second >= -TIE, both >= -TIE
    return (2 if then else (1 if over else 0)) if up else ((5 if over else 4) if then else 3)


@njit(cache=True, error_model="numpy")
def _next(returns: Float64, i: int, n: int, after: int) -> int:
    """Return n of the first bar from `after` on that moved, or n + 1."""
    while after <= n and abs(past(returns, i, n, n - after)) <= TIE:
        after += 1
    return after


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    returns = history.log_return
    for k in range(len(bars.series)):
        i, n, last = bars.series[k], bars.n[k], bars.log_return[k]
        if n == 1:
            state.oldest[i, :] = 2
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        sign = (1 if last > 0.0 else -1) if abs(last) > TIE else 0
        turned = sign * state.sign[i] < 0
        for j in range(len(params.windows)):
            window = params.windows[j]
            if n > window + 1:
                left = past(returns, i, n, window)
                state.rises[i, j] -= left > TIE
                if state.oldest[i, j] == n - window:
                    state.oldest[i, j] = _next(returns, i, n, n - window + 1)
                    if state.oldest[i, j] <= n:
                        after = past(returns, i, n, n - state.oldest[i, j])
                        state.turns[i, j] -= left * after < 0.0 and state.oldest[i, j] < n
            if state.oldest[i, j] == n and sign == 0:
                state.oldest[i, j] = n + 1
            state.rises[i, j] += sign > 0
            state.turns[i, j] += turned and state.oldest[i, j] < n
            if n > window:
                out[k, 2 * j] = state.turns[i, j] / (window - 1.0)
                out[k, 2 * j + 1] = state.rises[i, j] / window
                why[k, 2 * j : 2 * j + 2] = 0
            else:
                out[k, 2 * j : 2 * j + 2], why[k, 2 * j : 2 * j + 2] = np.nan, WARMING_UP
        if sign:
            state.sign[i] = sign
        streak = state.streak[i] if sign * state.streak[i] > 0 else 0
        state.streak[i] = min(max(streak + sign, -LONG), LONG)
        out[k, 4], why[k, 4] = state.streak[i], 0
        if n > 2:
            state.orders[i, _order(past(returns, i, n, 1), last)] += 1
        if n > LONG:
            state.orders[i, _order(past(returns, i, n, LONG - 1), past(returns, i, n, LONG - 2))] -= 1
        if n < LONG:
            out[k, 5], why[k, 5] = np.nan, WARMING_UP
            continue
        weighed = 0.0
        for order in range(ORDERS):
            weighed += WEIGHED[state.orders[i, order]]
        out[k, 5], why[k, 5] = max(WHOLE - weighed / (LONG - 2.0), 0.0) / MOST, 0


_column = partial(Column, inputs=("close",), driver=Driver.BAR, oracle="naive")


def _columns(window: int) -> tuple[Column, ...]:
    column = partial(
        _column, window=window + 1, warm_up=window + 1, unit="share", range=(0.0, 1.0), params={"window": window}
    )
    return (
        column(
            f"zero_crossing_rate_{window}",
            f"changes of sign among the last {window} log returns, zeros left out, / {window - 1}",
            "Kedem (1986)",
            ties="returns of exactly 0 are left out",
        ),
        column(f"up_share_{window}", f"share of the last {window} bars that rose", "definition"),
    )


register(
    Group(
        name="signs",
        family=Family.STATISTICAL,
        stage=Stage.BARS,
        columns=(
            *(column for window in WINDOWS for column in _columns(window)),
            _column(
                "streak_60",
                "bars in a row that rose, or (negative) fell, up to 60; 0 after a bar that did not move",
                "definition",
                window=LONG + 1,
                warm_up=2,
                unit="bars",
                range=(-LONG, LONG),
                params={"window": LONG},
            ),
            _column(
                "permutation_entropy_60",
                "entropy of the orders in which three closes in a row come, of the last 60 closes, / log 6",
                "Bandt and Pompe (2002), order 3; of equal closes the earlier counts as the lower",
                window=LONG,
                warm_up=LONG,
                unit="share",
                range=(0.0, 1.0),
                params={"window": LONG, "order": 3},
                ties="of equal closes the earlier counts as the lower",
            ),
        ),
        params=Params(WINDOWS),
        init=init,
        update=update,
    )
)
