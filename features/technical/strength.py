"""How one-sided the close's moves are: the true strength index and its signal.

Seed:   averages with the mean of their first n inputs; the signal with the first n defined ones.
Edges:  undefined where no move is left: a flat series. Averaged moves are none at 1e-30 of the price or less; until
        then they are kept whole (down to 1e-60), so that both averages of a long flat stretch die together.
Cost:   O(1) a bar, 6 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import NEGLIGIBLE, WARMING_UP, burn_in, settled, standing
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

SLOW, FAST, SIGNAL = 25, 13, 7
READY = SLOW + FAST
CONVERGED = READY + burn_in(1 - 2 / (SLOW + 1), stages=2)
SIGNAL_READY, SIGNAL_CONVERGED = READY + SIGNAL - 1, CONVERGED + SIGNAL
SIGNALS = 4  # where the average of the index stands, after two of changes and of moves, and theirs
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    spans: tuple[int, int, int]


class State(NamedTuple):
    means: Float64  # (series, 5) of the changes, of the moves, and of either average, quote currency; signal, percent
    signalled: Int64  # (series,) indices in the signal


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, 5)), np.zeros(n, np.int64))


@njit(cache=True, inline="always")
def _average(mean: float, seen: int, span: int, value: float) -> float:
    return mean + (value - mean) * (1.0 / seen if seen <= span else 2.0 / (span + 1.0))


@njit(cache=True, inline="always")
def _strength(means: Float64, i: int, n: int, change: float, close: float) -> float:
    """Take the n-th bar's change into the averages; return the index, or NaN where no move is left."""
    if n == 2:
        for j in range(SIGNALS):
            means[i, j] = 0.0
    none = NEGLIGIBLE * close
    for j in range(2):
        means[i, j] = settled(_average(means[i, j], n - 1, SLOW, change), none)
        if n > SLOW:
            means[i, 2 + j] = settled(_average(means[i, 2 + j], n - SLOW, FAST, means[i, j]), none)
        change = abs(change)
    return 100.0 * min(max(means[i, 2] / means[i, 3], -1.0), 1.0) if means[i, 3] > none else np.nan


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    means, signalled = state
    series, nth, closes, closes_before = bars.series, bars.n, bars.close, bars.previous_close
    for k in range(len(series)):
        i, n, close = series[k], nth[k], closes[k]
        for j in range(2):
            out[k, j], why[k, j] = np.nan, WARMING_UP
        if n == 1:
            signalled[i] = 0
            continue
        change = close - closes_before[k]
        strength = _strength(means, i, n, change if abs(change) > TIE * close else 0.0, close)
        if n < READY:
            continue
        defined = not np.isnan(strength)
        if defined:
            seen = signalled[i] + 1
            signal = _average(means[i, SIGNALS] if seen > 1 else 0.0, seen, SIGNAL, strength)
            signalled[i], means[i, SIGNALS] = seen, signal
            out[k, 0], out[k, 1] = strength, signal if seen >= SIGNAL else np.nan
        why[k, 0] = standing(n, READY, CONVERGED) if defined else EDGE
        if n >= SIGNAL_READY:
            why[k, 1] = EDGE if np.isnan(out[k, 1]) else standing(n, SIGNAL_READY, SIGNAL_CONVERGED)


_column = partial(
    Column, source="Blau (1991)", inputs=("close",), driver=Driver.BAR, window=0, unit="percent",
    range=(-100.0, 100.0), oracle="naive", edges="flat: undefined",
    ties="moves of less than 1e-12 of the price are none",
)  # fmt: skip
register(
    Group(
        name="strength",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column(
                "tsi_25_13",
                "100 * EMA(EMA(change, 25), 13) / EMA(EMA(|change|, 25), 13)",
                warm_up=READY,
                params={"slow": SLOW, "fast": FAST, "converged": CONVERGED},
            ),
            _column(
                "tsi_signal_25_13_7",
                "EMA(tsi_25_13, 7) of the defined ones",
                warm_up=SIGNAL_READY,
                params={"slow": SLOW, "fast": FAST, "signal": SIGNAL, "converged": SIGNAL_CONVERGED},
            ),
        ),
        params=Params((SLOW, FAST, SIGNAL)),
        init=init,
        update=update,
        version=2,
    )
)
