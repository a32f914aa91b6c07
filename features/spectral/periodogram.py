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
from features.spectral.detrended import GAIN, GAINS, describe_price, price_shares, straighten, turn_back
from features.spectral.detrended import NO_POWER as NO_TREND
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
from features.spectral.spectrum import (
    BIN,
    EIGHT,
    FLOOR,
    HIGH,
    LOW,
    ROLL_OFF,
    SLOPE,
    describe,
    distances,
    eighths_of,
    products,
    shares,
    spread,
    totals,
)
from features.spectral.sums import logarithms
from schema.reasons import Why
from schema.ticks import Float64, UInt8

NO_POWER: Final = 1e-24  # of the last return squared
EDGE: Final = int(Why.EDGE)
WIDTH, PRICE_WIDTH = len(RETURN_COLUMNS), len(PRICE_COLUMNS)
FLUX: Final = WIDTH - 1
N: Final = len(WINDOWS)
PRICE_AT: Final = np.array(  # of each window whose price is looked at: its place, first column, first and last bin
    [
        (w, N * WIDTH + j * PRICE_WIDTH, FIRST[w], FIRST[w + 1])
        for j, w in enumerate(WINDOWS.index(window) for window in PRICE_WINDOWS)
    ]
)


class Params(NamedTuple):
    low: float  # cycles a bar
    high: float
    floor: float
    roll_off: float
    no_power: float


@njit(cache=True)
def mark(why: UInt8, k: int, first: int, last: int, reason: int) -> None:
    for c in range(first, last):
        why[k, c] = reason


@njit(cache=True)
def refuse(out: Float64, why: UInt8, k: int, first: int, last: int, reason: int) -> None:
    for c in range(first, last):
        out[k, c], why[k, c] = np.nan, reason


@njit(cache=True, error_model="numpy")
def inverse(total: float) -> float:
    return 1.0 / total if total > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    cosine, sine, next_cosine, next_sine = np.empty(BINS), np.empty(BINS), np.empty(BINS), np.empty(BINS)
    share, before, change, x, y = np.empty(BINS), np.empty(BINS), np.empty(BINS), np.empty(BINS), np.empty(BINS)
    room, log, of_bin, was = np.empty(BINS), np.empty(BINS), np.empty(BINS), np.empty(BINS)
    room_bits, log_bits = room.view(np.int64), log.view(np.int64)
    factor, factor_before, number, apart = np.empty(N), np.empty(N), np.empty(N), np.empty(N)
    information, logs, slope, flux = np.empty(N), np.empty(N), np.empty(N), np.empty(N)
    lanes, eighths = np.empty(64), np.empty(BINS // EIGHT)
    turned_to = -1
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        newest = moved(bars.log_return[k])
        state.still[i] = still = 0 if newest != 0.0 or n == 1 else state.still[i] + 1
        if n != turned_to:
            turned(n, cosine, sine)
            turned(n + 1, next_cosine, next_sine)
            turned_to = n
        real, imaginary, total = state.real[i], state.imaginary[i], state.total[i]
        power_of(real, imaginary, before)
        advance(real, imaginary, history.log_return[:, i], n, newest, still, cosine, sine)
        power_of(real, imaginary, share)
        totals(share, lanes, number)
        for w in range(N):
            factor_before[w] = inverse(total[w])
            all_power = number[w]
            none = n <= WINDOWS[w] or still >= WINDOWS[w] or all_power <= params.no_power * WINDOWS[w] * newest**2
            total[w] = 0.0 if none else all_power
            factor[w] = inverse(total[w])
        spread(factor, of_bin)
        spread(factor_before, was)
        shares(share, of_bin, before, was, change, room)
        logarithms(room_bits, of_bin, log, log_bits)
        products(BIN, share, lanes, number)
        spread(number, of_bin)
        distances(share, of_bin, room)
        totals(room, lanes, apart)
        products(share, log, lanes, information)
        totals(log, lanes, logs)
        products(SLOPE, log, lanes, slope)
        totals(change, lanes, flux)
        eighths_of(share, eighths)
        for w in range(N):
            window, at, reason = WINDOWS[w], w * WIDTH, WARMING_UP if n <= WINDOWS[w] else EDGE
            if total[w] == 0.0:
                refuse(out, why, k, at, at + WIDTH, reason)
            else:
                described, b = describe(w, share, eighths, number[w], apart[w], information[w], logs[w], slope[w])
                for c in range(len(described)):
                    out[k, at + c] = described[c]
                out[k, at + 11], out[k, at + 12] = phase_of(real[b], imaginary[b], cosine[b], sine[b])
                out[k, at + 13] = math.log(total[w] / (window * window))
                out[k, at + FLUX] = math.sqrt(flux[w])
                mark(why, k, at, at + WIDTH, 0)
            if total[w] == 0.0 or factor_before[w] == 0.0:
                refuse(out, why, k, at + FLUX, at + WIDTH, EDGE if n > window + 1 else WARMING_UP)
        turn_back(real, imaginary, next_cosine, next_sine, x, y)
        products(GAIN, x, lanes, number)
        for p in range(len(PRICE_AT)):
            w, _, first, last = PRICE_AT[p]
            number[w] /= GAINS[w]
            straighten(x, y, number[w], first, last, share)
        totals(share, lanes, apart)
        for p in range(len(PRICE_AT)):
            w, _, first, last = PRICE_AT[p]
            some = total[w] > 0.0 and apart[w] > NO_TREND * GAINS[w] * number[w] ** 2
            factor[w] = inverse(apart[w]) if some else 0.0
            price_shares(share, factor[w], first, last, room)
            logarithms(room_bits[first:last], of_bin[first:last], log[first:last], log_bits[first:last])
        products(share, log, lanes, information)
        for p in range(len(PRICE_AT)):
            w, at, _, _ = PRICE_AT[p]
            if factor[w] > 0.0:
                describe_price(w, x, y, share, information[w], out, k, at)
                mark(why, k, at, at + PRICE_WIDTH, 0)
            else:
                refuse(out, why, k, at, at + PRICE_WIDTH, WARMING_UP if n <= WINDOWS[w] else EDGE)


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
        version=4,
    )
)
