"""Periodograms of the last 32, 64, 128 and 256 log returns: where their power lies, how concentrated it is, how it
changes, and where in its swing the dominant cycle stands.

P_k = c |X_k|^2 of bins k = 1 .. W / 2 at k / W cycles a bar, no taper, one-sided: c = 2, and 1 at the Nyquist bin. The
mean (bin 0) has no part in it. The same X tell the spectrum of the log price less its least-squares line: the
transform of the price is (X_k - X_0) / (1 - z), z = exp(-2 pi i k / W), that of a line -W / (1 - z), so that of what is
left (X_k - d) / (1 - z), with the number d that makes its power least.

Seed:   none.
Edges:  EDGE where the window has no power: all returns 0 (less than 1e-12 is none), or their variance below 1e-24 of
        the last one squared. Bins below 1e-12 of the power count as 1e-12 where a logarithm is taken; the dominant bin
        is the lowest within 1e-9 of the largest, the roll-off the lowest that lacks less than 1e-9.
Cost:   O(240) a bar, 485 numbers a series.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.lanes.kinds import LANES, Row
from features.lanes.memory import load, room, row, store
from features.spectral.columns import PRICE_COLUMNS, PRICE_WINDOWS, RETURN_COLUMNS, price_column, return_column
from features.spectral.detrended import GAINS, describe_price, straighten
from features.spectral.detrended import NO_POWER as NO_TREND
from features.spectral.sliding_dft import (
    BINS,
    FIRST,
    LONGEST,
    WINDOWS,
    State,
    due,
    init,
    moved,
    phase_of,
    power,
    power_of,
    refresh,
    slid,
    turned,
)
from features.spectral.spectrum import FLOOR, HIGH, LOW, ROLL_OFF, describe
from schema.reasons import Why
from schema.ticks import Float64, UInt8

NO_POWER: Final = 1e-24  # of the last return squared
EDGE: Final = int(Why.EDGE)
WIDTH, PRICE_WIDTH = len(RETURN_COLUMNS), len(PRICE_COLUMNS)
FLUX: Final = WIDTH - 1
EIGHTHS: Final = BINS // LANES
N: Final = len(WINDOWS)
PLACES: Final = np.array(  # of each window: its length, its first and last bin, its first column
    [(window, FIRST[w], FIRST[w + 1], w * WIDTH) for w, window in enumerate(WINDOWS)]
)
PRICE_AT: Final = np.array(  # of each window whose price is looked at: its place, and its first column
    [(WINDOWS.index(window), N * WIDTH + j * PRICE_WIDTH) for j, window in enumerate(PRICE_WINDOWS)]
)


class Params(NamedTuple):
    low: float  # cycles a bar
    high: float
    floor: float
    roll_off: float
    no_power: float


@njit(cache=True)
def recall(returns: Float64, i: int, n: int, window: int, by_number: Row) -> None:
    """Write the last W returns of series i, that of number m at m modulo W."""
    for lag in range(window):
        by_number[(n - lag) & (window - 1)] = moved(past(returns, i, n, lag))


@njit(cache=True, inline="always")
def slide(x: Row, y: Row, first: int, last: int, change: float, cosine: Row, sine: Row, before: Row) -> None:
    """Add the change of bins first .. last - 1 of x + iy at this bar; write their power before it."""
    for b in range(first, last, LANES):
        p, q = load(x, b), load(y, b)
        store(before, b, power(p, q, b))
        p, q = slid(p, q, change, cosine, sine, b)
        store(x, b, p)
        store(y, b, q)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    cosine, sine, next_cosine, next_sine = room(BINS), room(BINS), room(BINS), room(BINS)
    share, before, x, y = room(BINS), room(BINS), room(BINS), room(BINS)
    by_number, eighths, columns = room(LONGEST), room(EIGHTHS), room(WIDTH)
    turned_to = -1
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        newest = moved(bars.log_return[k])
        state.still[i] = still = 0 if newest != 0.0 or n == 1 else state.still[i] + 1
        if n != turned_to:
            turned(n, cosine, sine)
            turned(n + 1, next_cosine, next_sine)
            turned_to = n
        real, imaginary = row(state.real, i), row(state.imaginary, i)
        for w in range(N):
            window, first, last, at = PLACES[w]
            all_power, all_before = 0.0, state.total[i, w]
            if still < window:
                change = newest - moved(past(history.log_return, i, n, window))
                slide(real, imaginary, first, last, change, cosine, sine, before)
                begin, end = due(n, window, first, last)
                if begin < end:
                    recall(history.log_return, i, n, window, by_number)
                    refresh(by_number, window, 0, begin, end, real, imaginary)
                all_power = power_of(real, imaginary, first, last, share)
            else:
                for b in range(first, last):
                    real[b] = imaginary[b] = 0.0
            if n <= window or all_power <= params.no_power * window * newest**2:
                all_power = 0.0
            state.total[i, w] = all_power
            if all_power > 0.0:
                then = 1.0 / all_before if all_before > 0.0 else 0.0
                b, flux = describe(window, first, last, share, 1.0 / all_power, before, then, eighths, columns)
                columns[11], columns[12] = phase_of(real[b], imaginary[b], cosine[b], sine[b])
                columns[13], columns[FLUX] = math.log(all_power / (window * window)), flux
            for c in range(WIDTH):
                if all_power > 0.0 and (c != FLUX or all_before > 0.0):
                    out[k, at + c], why[k, at + c] = columns[c], 0
                else:
                    out[k, at + c], why[k, at + c] = np.nan, EDGE if n > window + (c == FLUX) else WARMING_UP
        for p in range(len(PRICE_AT)):
            w, at = PRICE_AT[p]
            window, first, last, _ = PLACES[w]
            line, left = straighten(real, imaginary, first, last, next_cosine, next_sine, GAINS[w], x, y, share)
            some = state.total[i, w] > 0.0 and left > NO_TREND * GAINS[w] * line**2
            if some:
                describe_price(window, first, last, x, y, share, 1.0 / left, columns)
            for c in range(PRICE_WIDTH):
                out[k, at + c] = columns[c] if some else np.nan
                why[k, at + c] = 0 if some else EDGE if n > window else WARMING_UP


register(
    Group(
        name="periodogram",
        family=Family.SPECTRAL,
        stage=Stage.BARS,
        columns=(
            *(return_column(name, window) for window in WINDOWS for name in RETURN_COLUMNS),
            *(price_column(name, window) for window in PRICE_WINDOWS for name in PRICE_COLUMNS),
        ),
        params=Params(LOW, HIGH, FLOOR, ROLL_OFF, NO_POWER),
        init=init,
        update=update,
        version=5,
    )
)
