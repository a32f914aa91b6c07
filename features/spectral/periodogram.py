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
from features.inputs import BarInputs, History
from features.spectral.columns import PRICE_COLUMNS, PRICE_WINDOWS, RETURN_COLUMNS, price_column, return_column
from features.spectral.detrended import describe_price
from features.spectral.sliding_dft import (
    BINS,
    FIRST,
    WINDOWS,
    State,
    advance,
    init,
    moved,
    phase_of,
    power_of,
    turned,
)
from features.spectral.spectrum import FLOOR, HIGH, LOW, ROLL_OFF, describe, distance, scaled
from features.spectral.sums import added
from schema.reasons import Why
from schema.ticks import Float64, UInt8

NO_POWER: Final = 1e-24  # of the last return squared
EDGE: Final = int(Why.EDGE)
WIDTH, PRICE_WIDTH = len(RETURN_COLUMNS), len(PRICE_COLUMNS)
FLUX: Final = WIDTH - 1
PRICE_AT: Final = tuple(  # the first column of each window's detrended price, -1 where there are none
    len(WINDOWS) * WIDTH + PRICE_WINDOWS.index(w) * PRICE_WIDTH if w in PRICE_WINDOWS else -1 for w in WINDOWS
)


class Params(NamedTuple):
    low: float  # cycles a bar
    high: float
    floor: float
    roll_off: float
    no_power: float


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    cosine, sine, next_cosine, next_sine = np.empty(BINS), np.empty(BINS), np.empty(BINS), np.empty(BINS)
    power, before, log, room = np.empty(BINS), np.empty(BINS), np.empty(BINS), np.empty(BINS)
    turned_to = -1
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        newest = moved(bars.log_return[k])
        state.still[i] = 0 if newest != 0.0 or n == 1 else state.still[i] + 1
        if n != turned_to:
            turned(n, cosine, sine)
            turned(n + 1, next_cosine, next_sine)
            turned_to = n
        for w in range(len(WINDOWS)):
            window, first, last = WINDOWS[w], FIRST[w], FIRST[w + 1]
            real, imaginary = state.real[i, first:last], state.imaginary[i, first:last]
            p, q, logs, spare = power[first:last], before[first:last], log[first:last], room[first:last]
            if state.total[i, w] > 0.0:
                power_of(real, imaginary, q)
            advance(state, i, w, history.log_return[i], n, newest, cosine, sine)
            at, price_at = w * WIDTH, PRICE_AT[w]
            row, reason = out[k, at : at + WIDTH], why[k, at : at + WIDTH]
            power_of(real, imaginary, p)
            total = added(p)
            if n <= window or state.still[i] >= window or total <= params.no_power * window * newest * newest:
                row[:], reason[:] = np.nan, WARMING_UP if n <= window else EDGE
                if n == window + 1:
                    reason[FLUX] = WARMING_UP
                if price_at >= 0:
                    out[k, price_at : price_at + PRICE_WIDTH] = np.nan
                    why[k, price_at : price_at + PRICE_WIDTH] = reason[0]
                state.total[i, w] = 0.0
                continue
            scaled(p, 1.0 / total)
            dominant = describe(w, p, logs, spare, row)
            b = dominant - 1
            row[11], row[12] = phase_of(real[b], imaginary[b], cosine[first + b], sine[first + b])
            row[13] = math.log(total / (window * window))
            reason[:] = 0
            if state.total[i, w] > 0.0:
                row[FLUX] = distance(p, q, 1.0 / state.total[i, w], spare)
            else:
                row[FLUX], reason[FLUX] = np.nan, EDGE if n > window + 1 else WARMING_UP
            state.total[i, w] = total
            if price_at >= 0:
                turn, turn_sine = next_cosine[first:last], next_sine[first:last]
                described = describe_price(
                    w, real, imaginary, turn, turn_sine, p, logs, spare, out[k, price_at : price_at + PRICE_WIDTH]
                )
                why[k, price_at : price_at + PRICE_WIDTH] = 0 if described else EDGE


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
        version=2,
    )
)
