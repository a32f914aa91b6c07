"""Moving average convergence and divergence over the close (MACD), and over the slow average (PPO).

Seed:   as TA-Lib: the slow average with the mean of the first 26 closes, the fast one at the same bar with the mean
        of its last 12, the signal with the mean of the first 9 lines. MACD's columns all start with the signal.
        PPO's averages are seeded each at its own bar, as TA-Lib.
Edges:  none.
Cost:   O(1) a bar, 6 numbers a series. Line = (close - slow average) - (close - fast average), and these
        deviations are what is kept, so that moves of 0.01 at 60,000 keep their digits.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import burn_in, settled, standing
from features.inputs import BarInputs, History, past
from features.technical.chain import mean_deviation
from schema.ticks import Float64, UInt8

FAST, SLOW, SIGNAL = 12, 26, 9
WARM_UP = SLOW + SIGNAL - 1
CONVERGED = WARM_UP + burn_in(1 - 2 / (SLOW + 1), stages=2)


PPO_FAST, PPO_SLOW, PPO_SIGNAL = 5, 35, 5
PPO_WARM_UP = PPO_SLOW + PPO_SIGNAL - 1
PPO_CONVERGED = PPO_WARM_UP + burn_in(1 - 2 / (PPO_SLOW + 1), stages=2)


READY = np.array((WARM_UP, WARM_UP, WARM_UP, PPO_SLOW, PPO_WARM_UP, PPO_WARM_UP))  # bars, a column


class Params(NamedTuple):
    fast: int
    slow: int
    signal: int
    converged: int  # bars
    ppo: tuple[int, int, int]
    ppo_converged: int  # bars


class State(NamedTuple):
    fast: Float64  # (series,) close minus its fast average, quote currency
    slow: Float64  # (series,) close minus its slow average
    signal: Float64  # (series,) mean of the lines while seeding, then their average
    ppo_fast: Float64  # (series,) as above, for the percentage
    ppo_slow: Float64
    ppo_signal: Float64  # percent


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*(np.zeros(n_symbols * n_timeframes) for _ in State._fields))


@njit(cache=True, inline="always")
def _followed(deviation: Float64, closes: Float64, i: int, n: int, span: int, start: int, move: float) -> float:
    """Let an average, seeded at bar `start`, follow the close; return the close minus it."""
    if n == start:
        deviation[i] = mean_deviation(closes, i, n, span)
    elif n > start:
        moved = deviation[i] + move
        deviation[i] = settled(moved - 2.0 / (span + 1.0) * moved, past(closes, i, n, 0))
    return float(deviation[i])


@njit(cache=True, inline="always")
def _signalled(signal: Float64, i: int, seen: int, span: int, line: float, beside: float) -> float:
    """Take line number `seen` into the signal; return that."""
    if seen > 0:
        weight = 1.0 / seen if seen <= span else 2.0 / (span + 1.0)
        signal[i] = settled(signal[i] + weight * (line - signal[i]), beside)
    return float(signal[i])


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    closes = history.close
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        move = close - bars.previous_close[k]
        slow = _followed(state.slow, closes, i, n, SLOW, SLOW, move)
        line = slow - _followed(state.fast, closes, i, n, FAST, SLOW, move)
        signal = _signalled(state.signal, i, n - SLOW + 1, SIGNAL, line, close)
        out[k, 0], out[k, 1], out[k, 2] = line / close, signal / close, (line - signal) / close
        slow = _followed(state.ppo_slow, closes, i, n, PPO_SLOW, PPO_SLOW, move)
        line = 100.0 * (slow - _followed(state.ppo_fast, closes, i, n, PPO_FAST, PPO_FAST, move)) / (close - slow)
        signal = _signalled(state.ppo_signal, i, n - PPO_SLOW + 1, PPO_SIGNAL, line, 1.0)
        out[k, 3], out[k, 4], out[k, 5] = line, signal, line - signal
        for j in range(6):
            why[k, j] = standing(n, READY[j], params.converged if j < 3 else params.ppo_converged)
            if n < READY[j]:
                out[k, j] = np.nan


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    unit="ratio",
    range=(float("-inf"), float("inf")),
    oracle="talib.MACD",
    params={"fast": FAST, "slow": SLOW, "signal": SIGNAL, "converged": CONVERGED},
)
_percentage = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=0,
    unit="percent",
    range=(float("-inf"), float("inf")),
    oracle="talib.PPO",
    params={"fast": PPO_FAST, "slow": PPO_SLOW, "signal": PPO_SIGNAL, "converged": PPO_CONVERGED},
)
register(
    Group(
        name="macd",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column("macd_ratio", "(EMA(close, 12) - EMA(close, 26)) / close", "TA-Lib MACD"),
            _column("macd_signal_ratio", "EMA(EMA(close, 12) - EMA(close, 26), 9) / close", "TA-Lib MACD"),
            _column("macd_histogram_ratio", "macd_ratio - macd_signal_ratio", "TA-Lib MACD"),
            _percentage(
                "ppo_5_35", "100 * (EMA(close, 5) / EMA(close, 35) - 1)", "Appel; TA-Lib PPO", warm_up=PPO_SLOW
            ),
            _percentage("ppo_signal_5_35_5", "EMA(ppo_5_35, 5)", "Appel; TA-Lib PPO", warm_up=PPO_WARM_UP),
            _percentage("ppo_histogram_5_35_5", "ppo_5_35 - ppo_signal_5_35_5", "Appel", warm_up=PPO_WARM_UP),
        ),
        params=Params(FAST, SLOW, SIGNAL, CONVERGED, (PPO_FAST, PPO_SLOW, PPO_SIGNAL), PPO_CONVERGED),
        init=init,
        update=update,
        version=2,
    )
)
