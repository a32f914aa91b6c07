"""How one-sided the close's moves are: Chande's momentum, true strength index, Connors' RSI.

Seed:   averages with the mean of their first n inputs; TSI's signal with the first n defined ones.
Edges:  undefined where no move is left: a flat series; Connors' RSI also where the streak has not moved for long. TSI's
        averaged moves are none at 1e-30 of the price or less; until then they are kept whole (down to 1e-60), so that
        both averages of a long flat stretch die together.
Cost:   O(1) a bar, O(100) for Connors' rank; 14 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import NEGLIGIBLE, WARMING_UP, burn_in, settled, standing
from features.inputs import RING, BarInputs, History, past
from features.technical.rsi import wilder
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOW = 14  # Chande's momentum
SLOW, FAST, SIGNAL = 25, 13, 7  # true strength index
RSI, STREAK, RANKS = 3, 2, 100  # Connors' RSI
EQUAL = 1e-14  # log returns closer than this are equal: their prices' roundings are 1e-16
TSI_READY, RANK_READY = SLOW + FAST, RANKS + 2
TSI_CONVERGED = TSI_READY + burn_in(1 - 2 / (SLOW + 1), stages=2)
SIGNAL_READY, SIGNAL_CONVERGED = TSI_READY + SIGNAL - 1, TSI_CONVERGED + SIGNAL
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    tsi: tuple[int, int, int]
    connors: tuple[int, int, int]


class State(NamedTuple):
    path: Float64  # (series,) sum of the last WINDOW moves, quote currency
    once: Float64  # (series, 2) average of the changes and of the moves, quote currency
    twice: Float64  # (series, 2) the averages' averages
    signal: Float64  # (series,) average of TSI, percent
    signalled: Int64  # (series,) TSIs in it
    gain: Float64  # (series, 2) Wilder averages of the rises of close and streak
    loss: Float64
    streak: Float64  # (series,) rises in a row, or minus falls in a row


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    pair, one = (n, 2), (n,)
    zeros = np.zeros
    return State(
        zeros(one), zeros(pair), zeros(pair), zeros(one), zeros(one, np.int64), zeros(pair), zeros(pair), zeros(one)
    )


@njit(cache=True, inline="always")
def _change(new: float, old: float) -> float:
    change = new - old
    return change if abs(change) > TIE * new else 0.0


@njit(cache=True, error_model="numpy")
def _walked(path: Float64, closes: Float64, i: int, n: int, change: float) -> float:
    """Slide the sum of moves on; return the change over its window, percent of them, or NaN where there is none."""
    if n % WINDOW == 0 or n == WINDOW + 1:
        path[i] = 0.0
        for lag in range(WINDOW):
            path[i] += abs(_change(past(closes, i, n, lag), past(closes, i, n, lag + 1)))
    else:
        path[i] += abs(change) - abs(_change(past(closes, i, n, WINDOW), past(closes, i, n, WINDOW + 1)))
    close = past(closes, i, n, 0)
    if path[i] <= TIE * close:
        return np.nan
    return float(100.0 * min(max((close - past(closes, i, n, WINDOW)) / path[i], -1.0), 1.0))


@njit(cache=True, inline="always")
def _average(mean: float, seen: int, span: int, value: float) -> float:
    return mean + (value - mean) * (1.0 / seen if seen <= span else 2.0 / (span + 1.0))


@njit(cache=True, error_model="numpy")
def _strength(once: Float64, twice: Float64, i: int, n: int, change: float, close: float) -> float:
    """Take the n-th bar's change into the averages; return TSI, or NaN where no move is left."""
    if n == 2:
        once[i] = twice[i] = 0.0
    none = NEGLIGIBLE * close
    for j in range(2):
        once[i, j] = settled(_average(once[i, j], n - 1, SLOW, change), none)
        if n > SLOW:
            twice[i, j] = settled(_average(twice[i, j], n - SLOW, FAST, once[i, j]), none)
        change = abs(change)
    return 100.0 * min(max(twice[i, 0] / twice[i, 1], -1.0), 1.0) if twice[i, 1] > none else np.nan


@njit(cache=True, error_model="numpy")
def _fewer(returns: Float64, bound: float) -> int:
    count = 0
    for value in returns:
        count += value < bound
    return count


@njit(cache=True, error_model="numpy")
def _rank(returns: Float64, i: int, n: int) -> float:
    """Return how many of the RANKS returns before the n-th bar's are smaller, percent."""
    bound, last = past(returns, i, n, 0) - EQUAL, (n - 1) & (RING - 1)
    first = last - RANKS
    count = _fewer(returns[max(first, 0) : last, i], bound)
    if first < 0:
        count += _fewer(returns[first + RING :, i], bound)
    return 100.0 * count / RANKS


@njit(cache=True, inline="always")
def _run(streak: float, change: float) -> float:
    """Return the rises in a row (minus the falls) after one more change."""
    if change == 0.0:
        return 0.0
    sign = 1.0 if change > 0.0 else -1.0
    return sign + (streak if streak * sign > 0.0 else 0.0)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        for j in range(4):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        if n == 1:
            state.signalled[i] = 0
            continue
        change = _change(close, bars.previous_close[k])
        if n > WINDOW:
            out[k, 0] = _walked(state.path, history.close, i, n, change)
            why[k, 0] = EDGE if np.isnan(out[k, 0]) else 0
        strength = _strength(state.once, state.twice, i, n, change, close)
        if n >= TSI_READY:
            seen = state.signalled[i]
            if not np.isnan(strength):
                seen += 1
                state.signalled[i], state.signal[i] = (
                    seen,
                    _average(state.signal[i] * (seen > 1), seen, SIGNAL, strength),
                )
                out[k, 1], out[k, 2] = strength, state.signal[i] if seen >= SIGNAL else np.nan
            why[k, 1] = EDGE if np.isnan(out[k, 1]) else standing(n, TSI_READY, TSI_CONVERGED)
            if n >= SIGNAL_READY:
                why[k, 2] = EDGE if np.isnan(out[k, 2]) else standing(n, SIGNAL_READY, SIGNAL_CONVERGED)
        streak = state.streak[i] if n > 2 else 0.0
        state.streak[i] = _run(streak, change)
        of_close = wilder(state.gain, state.loss, i, 0, n - 1, RSI, change, close)
        of_streak = wilder(state.gain, state.loss, i, 1, n - 1, STREAK, state.streak[i] - streak, 1.0)
        if n >= RANK_READY:
            why[k, 3] = EDGE
            if min(of_close, of_streak) >= 0.0:
                out[k, 3], why[k, 3] = (of_close + of_streak + _rank(history.log_return, i, n)) / 3.0, 0


_column = partial(
    Column, inputs=("close",), driver=Driver.BAR, unit="percent", ties="moves of less than 1e-12 of the price are none"
)
_true = partial(_column, window=0, range=(-100.0, 100.0), oracle="naive", edges="flat: undefined")
register(
    Group(
        name="strength",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "cmo_14",
                "100 * (rises - falls) / (rises + falls), sums over the last 14 changes of the close",
                "Chande and Kroll (1994); TA-Lib CMO differs: its sums are Wilder averages, 2 RSI - 100",
                window=WINDOW + 1,
                warm_up=WINDOW + 1,
                range=(-100.0, 100.0),
                oracle="naive",
                params={"window": WINDOW},
                edges="flat: undefined",
            ),
            _true(
                "tsi_25_13",
                "100 * EMA(EMA(change, 25), 13) / EMA(EMA(|change|, 25), 13)",
                "Blau (1991)",
                warm_up=TSI_READY,
                params={"slow": SLOW, "fast": FAST, "converged": TSI_CONVERGED},
            ),
            _true(
                "tsi_signal_25_13_7",
                "EMA(tsi_25_13, 7) of the defined ones",
                "Blau (1991)",
                warm_up=SIGNAL_READY,
                params={"slow": SLOW, "fast": FAST, "signal": SIGNAL, "converged": SIGNAL_CONVERGED},
            ),
            _column(
                "connors_rsi_3_2_100",
                "mean of RSI(close, 3), RSI(streak, 2) and the share of the last 100 returns below this one, percent",
                "Connors and Alvarez (2012)",
                window=0,
                warm_up=RANK_READY,
                range=(0.0, 100.0),
                oracle="talib.RSI",
                params={"rsi": RSI, "streak": STREAK, "ranks": RANKS},
                edges="flat, or a streak that has long not moved: undefined",
            ),
        ),
        params=Params(WINDOW, (SLOW, FAST, SIGNAL), (RSI, STREAK, RANKS)),
        init=init,
        update=update,
        version=2,
    )
)
