"""How far a symbol's log returns swing with the market's, by band: magnitude-squared coherence over 64 and 128 bars.

C = |sum of X conj(M)|^2 / (sum of |X|^2 * sum of |M|^2) over the bins of a band, each counted twice but the Nyquist
bin; X and M are the transforms of the symbol's and the market's returns over the same bars of the symbol. The market
is the equal-weighted mean of the log returns of all rows of the bar time that have one, the symbol's own included.

Seed:   none.
Edges:  EDGE where a bar of the window had no market (fewer than two rows, activity bars), or where symbol or market
        have no power in the band: less than 1e-12 of all, or all returns 0 (less than 1e-12 is none).
Cost:   O(96) a bar, 643 numbers a series.
"""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarGroups, BarInputs
from features.spectral.sliding_dft import BINS, FIRST, PARTS, moved, refresh, slide, turned
from features.spectral.spectrum import HIGH, LAST_LOW, LAST_MID, LOW
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS: Final = (64, 128)
AT: Final = 1  # WINDOWS are those of the sliding transforms from the second on
BEGIN: Final = FIRST[AT]
OWN: Final = FIRST[AT + len(WINDOWS)] - BEGIN  # bins
RETURNS: Final = WINDOWS[-1]
LEAST: Final = 2  # rows
FLOOR, NO_POWER = 1e-12, 1e-24
EDGE: Final = int(Why.EDGE)


class Params(NamedTuple):
    low: float  # cycles a bar
    high: float
    least: int  # rows
    floor: float
    no_power: float


class State(NamedTuple):
    own: Float64  # (series, RETURNS) the symbol's log returns
    market: Float64  # (series, RETURNS)
    real: Float64  # (series, OWN) of the symbol's
    imaginary: Float64  # (series, OWN)
    market_real: Float64  # (series, OWN)
    market_imaginary: Float64  # (series, OWN)
    still: Int64  # (series,) returns of 0 since the last other one
    market_still: Int64  # (series,)
    without: Int64  # (series,) the last bar that had no market


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    own, market = np.zeros((n, RETURNS)), np.zeros((n, RETURNS))
    real, imaginary, market_real, market_imaginary = (np.zeros((n, OWN)) for _ in range(4))
    still, market_still, without = (np.zeros(n, np.int64) for _ in range(3))
    return State(own, market, real, imaginary, market_real, market_imaginary, still, market_still, without)


@njit(cache=True)
def market_of(returns: Float64, first: int, last: int) -> tuple[float, int]:
    """Return the mean of the returns of rows first .. last and how many there are."""
    total, rows = 0.0, 0
    for k in range(first, last):
        if not np.isnan(returns[k]):
            total += returns[k]
            rows += 1
    return total / max(rows, 1), rows


@njit(cache=True)
def advance(
    ring: Float64, real: Float64, imaginary: Float64, n: int, newest: float, still: int, cosine: Float64, sine: Float64
) -> None:
    """Take both windows of a series of returns to its n-th bar, and put the newest into its ring."""
    for w in range(len(WINDOWS)):
        window, begin, end = WINDOWS[w], FIRST[AT + w] - BEGIN, FIRST[AT + w + 1] - BEGIN
        oldest = ring[(n - 1 - window) & (RETURNS - 1)]
        if still < window:
            slide(real, imaginary, begin, end, newest - oldest, cosine, sine)
        else:
            real[begin:end], imaginary[begin:end] = 0.0, 0.0
    ring[(n - 1) & (RETURNS - 1)] = newest
    for w in range(len(WINDOWS)):
        window, begin, end = WINDOWS[w], FIRST[AT + w] - BEGIN, FIRST[AT + w + 1] - BEGIN
        every, size = window // PARTS, (end - begin) // PARTS
        if still < window and n & (every - 1) == every // 2:
            a = begin + (n // every) % PARTS * size
            refresh(ring, n, window, BEGIN + a, real[a : a + size], imaginary[a : a + size])


@njit(cache=True)
def spectra(x: Float64, y: Float64, u: Float64, v: Float64, first: int, last: int) -> tuple[float, float, float]:
    """Return the power of x + iy, that of u + iv, and the squared sum of their product over bins first .. last - 1."""
    own = other = real = imaginary = 0.0
    for b in range(max(first, 0), last):
        own += x[b] * x[b] + y[b] * y[b]
        other += u[b] * u[b] + v[b] * v[b]
        real += x[b] * u[b] + y[b] * v[b]
        imaginary += y[b] * u[b] - x[b] * v[b]
    if last == FIRST[AT + 1] - BEGIN or last == OWN:  # the Nyquist bin counts half, and is real
        p, q = x[last - 1], u[last - 1]
        own, other, real = own - 0.5 * p * p, other - 0.5 * q * q, real - 0.5 * p * q
    return own, other, real * real + imaginary * imaginary


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    all_cosine, all_sine = np.empty(BINS), np.empty(BINS)
    cosine, sine = all_cosine[BEGIN : BEGIN + OWN], all_sine[BEGIN : BEGIN + OWN]
    turned_to = -1
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        mean, rows = market_of(bars.log_return, first, last)
        known = groups.by_time[g] and rows >= params.least
        for k in range(first, last):
            i, n = bars.series[k], bars.n[k]
            if n != turned_to:
                turned(n, all_cosine, all_sine)
                turned_to = n
            if n == 1 or not known:
                state.without[i] = n
            newest, market = moved(bars.log_return[k]), moved(mean) if known and n > 1 else 0.0
            state.still[i] = 0 if newest != 0.0 or n == 1 else state.still[i] + 1
            state.market_still[i] = 0 if market != 0.0 or n == 1 else state.market_still[i] + 1
            x, y, u, v = state.real[i], state.imaginary[i], state.market_real[i], state.market_imaginary[i]
            advance(state.own[i], x, y, n, newest, state.still[i], cosine, sine)
            advance(state.market[i], u, v, n, market, state.market_still[i], cosine, sine)
            for w in range(len(WINDOWS)):
                window, row = WINDOWS[w], 3 * w
                out[k, row : row + 3] = np.nan
                why[k, row : row + 3] = WARMING_UP if n <= window else EDGE
                still = max(state.still[i], state.market_still[i])
                if n <= window or n - state.without[i] < window or still >= window:
                    continue
                begin, end = FIRST[AT + w] - BEGIN, FIRST[AT + w + 1] - BEGIN
                low, mid = begin + LAST_LOW[AT + w], begin + LAST_MID[AT + w]
                bands = (
                    spectra(x, y, u, v, begin, low),
                    spectra(x, y, u, v, low, mid),
                    spectra(x, y, u, v, mid, end),
                )
                total, all_market = 0.0, 0.0
                for own, other, _ in bands:
                    total, all_market = total + own, all_market + other
                least = max(params.floor * total, params.no_power * window * newest * newest)
                least_market = max(params.floor * all_market, params.no_power * window * market * market)
                for band in range(3):
                    own, other, both = bands[band]
                    if own > least and other > least_market:
                        out[k, row + band], why[k, row + band] = both / (own * other), 0


_column = partial(
    Column,
    source="Carter, Knapp and Nuttall (1973)",
    inputs=("log_return",),
    driver=Driver.BAR,
    unit="ratio",
    range=(0.0, 1.0 + 1e-9),
    oracle="numpy.fft.rfft in long double",
    edges="no market, all returns equal, or no power in the band: undefined",
)
register(
    Group(
        name="coherence",
        family=Family.SPECTRAL,
        stage=Stage.CROSS,
        columns=tuple(
            _column(
                f"market_coherence_{band}_{window}",
                f"|sum of X conj(M)|^2 / (sum of |X|^2 * sum of |M|^2) over the bins {reach}, M the market",
                window=window + 1,
                warm_up=window + 1,
                params={"window": window},
            )
            for window in WINDOWS
            for band, reach in (
                ("low", f"below {LOW} cycles a bar"),
                ("mid", f"from {LOW} to {HIGH} cycles a bar"),
                ("high", f"above {HIGH} cycles a bar"),
            )
        ),
        params=Params(LOW, HIGH, LEAST, FLOOR, NO_POWER),
        init=init,
        update=update,
    )
)
