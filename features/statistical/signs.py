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
    counts: Int64  # (series, 16) side by side, so that a series lies in two cache lines; the columns below


# Changes of sign in each window; rises; n of the window's oldest bar that moved, or of the next one to come; bars up in
# a row, or (negative) down; direction of the last bar that moved, 0 before the first; triples of closes in each order.
TURNS, RISES, OLDEST, STREAK, SIGN, IN_ORDER = 0, 2, 4, 6, 7, 8


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(np.zeros((n_symbols * n_timeframes, 16), np.int64))


@njit(cache=True, inline="always")
def _order(first: float, second: float) -> int:
    """Return which of six orders three closes come in, from the log returns between them."""
    both = first + second
    up, then, over = first >= -TIE, second >= -TIE, both >= -TIE
    return (2 if then else (1 if over else 0)) if up else ((5 if over else 4) if then else 3)


@njit(cache=True, inline="always")
def _next(returns: Float64, i: int, n: int, after: int) -> int:
    """Return n of the first bar from `after` on that moved, or n + 1."""
    while after <= n and abs(past(returns, i, n, n - after)) <= TIE:
        after += 1
    return after


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    returns, counts, series, count = history.log_return, state.counts, bars.series, bars.n
    for k in range(len(series)):
        i, n = series[k], count[k]
        last = past(returns, i, n, 0)
        if n == 1:
            counts[i, OLDEST] = counts[i, OLDEST + 1] = 2
            out[k, :], why[k, :] = np.nan, WARMING_UP
            continue
        sign = (1 if last > 0.0 else -1) if abs(last) > TIE else 0
        turned = sign * counts[i, SIGN] < 0
        for j in range(len(WINDOWS)):
            window = WINDOWS[j]
            if n > window + 1:
                left = past(returns, i, n, window)
                counts[i, RISES + j] -= left > TIE
                if counts[i, OLDEST + j] == n - window:
                    counts[i, OLDEST + j] = _next(returns, i, n, n - window + 1)
                    if counts[i, OLDEST + j] <= n:
                        after = past(returns, i, n, n - counts[i, OLDEST + j])
                        counts[i, TURNS + j] -= left * after < 0.0 and counts[i, OLDEST + j] < n
            if counts[i, OLDEST + j] == n and sign == 0:
                counts[i, OLDEST + j] = n + 1
            counts[i, RISES + j] += sign > 0
            counts[i, TURNS + j] += turned and counts[i, OLDEST + j] < n
            if n > window:
                out[k, 2 * j] = counts[i, TURNS + j] / (window - 1.0)
                out[k, 2 * j + 1] = counts[i, RISES + j] / window
                why[k, 2 * j : 2 * j + 2] = 0
            else:
                out[k, 2 * j : 2 * j + 2], why[k, 2 * j : 2 * j + 2] = np.nan, WARMING_UP
        if sign:
            counts[i, SIGN] = sign
        streak = counts[i, STREAK] if sign * counts[i, STREAK] > 0 else 0
        counts[i, STREAK] = min(max(streak + sign, -LONG), LONG)
        out[k, 4], why[k, 4] = counts[i, STREAK], 0
        if n > 2:
            counts[i, IN_ORDER + _order(past(returns, i, n, 1), last)] += 1
        if n > LONG:
            gone = _order(past(returns, i, n, LONG - 1), past(returns, i, n, LONG - 2))
            counts[i, IN_ORDER + gone] -= 1
        if n < LONG:
            out[k, 5], why[k, 5] = np.nan, WARMING_UP
            continue
        weighed = 0.0
        for order in range(ORDERS):
            weighed += WEIGHED[counts[i, IN_ORDER + order]]
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
        version=2,
    )
)
