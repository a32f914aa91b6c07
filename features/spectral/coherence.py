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
from features.lanes.arithmetic import every, fma, total
from features.lanes.kinds import LANES, Row
from features.lanes.memory import load, room, row, store
from features.spectral.sliding_dft import BINS, COUNTED, FIRST, due, moved, refresh, slid, turned
from features.spectral.spectrum import HIGH, IN_HIGH, IN_LOW, IN_MID, LOW
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

WINDOWS: Final = (64, 128)
AT: Final = 1  # WINDOWS are those of the sliding transforms from the second on
BEGIN: Final = FIRST[AT]
OWN: Final = FIRST[AT + len(WINDOWS)] - BEGIN  # bins
RETURNS: Final = WINDOWS[-1]
PLACES: Final = np.array([(w, FIRST[AT + j] - BEGIN, FIRST[AT + j + 1] - BEGIN) for j, w in enumerate(WINDOWS)])
_BANDS = np.stack([band[BEGIN : BEGIN + OWN] for band in (IN_LOW, IN_MID, IN_HIGH)])
WEIGHTS: Final = (_BANDS * 0.5 * COUNTED[BEGIN : BEGIN + OWN]).ravel()  # band by band; the Nyquist bin counts half


def _reach(band: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """Return where the eights of a window's bins begin and end that hold some of the band."""
    inside = np.flatnonzero(band[first:last])
    return first + inside[0] // LANES * LANES, first + inside[-1] + 1


REACH: Final = np.array([[_reach(band, first, last) for band in _BANDS] for _, first, last in PLACES])
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


@njit(cache=True, inline="always")
def slide(x: Row, y: Row, w: int, change: float, cosine: Row, sine: Row) -> None:
    """Add the change of the bins of window w at this bar."""
    for b in range(PLACES[w, 1], PLACES[w, 2], LANES):
        p, q = slid(load(x, b), load(y, b), change, cosine, sine, BEGIN + b)
        store(x, b, p)
        store(y, b, q)


@njit(cache=True)
def recall(ring: Row, n: int, window: int, by_number: Row) -> None:
    """Write the last W returns, that of number m at m modulo W."""
    for m in range(n - window + 1, n + 1):
        by_number[m & (window - 1)] = ring[(m - 1) & (RETURNS - 1)]


@njit(cache=True, inline="always")
def advance(
    ring: Row, x: Row, y: Row, n: int, newest: float, still: int, cosine: Row, sine: Row, by_number: Row
) -> None:
    """Take both windows of a series of returns to its n-th bar, and put the newest into its ring."""
    for w in range(len(WINDOWS)):
        window, first, last = PLACES[w]
        if still < window:
            slide(x, y, w, newest - ring[(n - 1 - window) & (RETURNS - 1)], cosine, sine)
        else:
            for b in range(first, last):
                x[b] = y[b] = 0.0
    ring[(n - 1) & (RETURNS - 1)] = newest
    for w in range(len(WINDOWS)):
        window, first, last = PLACES[w]
        begin, end = due(n, window, first, last)
        if begin < end and still < window:
            recall(ring, n, window, by_number)
            refresh(by_number, window, BEGIN, begin, end, x, y)


@njit(cache=True, inline="always")
def spectra(x: Row, y: Row, u: Row, v: Row, w: int, band: int) -> tuple[float, float, float]:
    """Return the power of x + iy, that of u + iv, and the squared sum of their product over a band of window w."""
    own = other = real = imaginary = every(0.0)
    for b in range(REACH[w, band, 0], REACH[w, band, 1], LANES):
        weight, p, q, r, s = load(WEIGHTS, band * OWN + b), load(x, b), load(y, b), load(u, b), load(v, b)
        a, c = weight * p, weight * q
        own, other = fma(a, p, fma(c, q, own)), fma(weight * r, r, fma(weight * s, s, other))
        real, imaginary = fma(a, r, fma(c, s, real)), fma(c, r, imaginary) - a * s
    total_real, total_imaginary = total(real), total(imaginary)
    return total(own), total(other), total_real * total_real + total_imaginary * total_imaginary


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    cosine, sine, by_number = room(BINS), room(BINS), room(RETURNS)
    turned_to = -1
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        mean, rows = market_of(bars.log_return, first, last)
        known = groups.by_time[g] and rows >= params.least
        for k in range(first, last):
            i, n = bars.series[k], bars.n[k]
            if n != turned_to:
                turned(n, cosine, sine)
                turned_to = n
            if n == 1 or not known:
                state.without[i] = n
            newest, market = moved(bars.log_return[k]), moved(mean) if known and n > 1 else 0.0
            state.still[i] = 0 if newest != 0.0 or n == 1 else state.still[i] + 1
            state.market_still[i] = 0 if market != 0.0 or n == 1 else state.market_still[i] + 1
            x, y = row(state.real, i), row(state.imaginary, i)
            u, v = row(state.market_real, i), row(state.market_imaginary, i)
            advance(row(state.own, i), x, y, n, newest, state.still[i], cosine, sine, by_number)
            advance(row(state.market, i), u, v, n, market, state.market_still[i], cosine, sine, by_number)
            for w in range(len(WINDOWS)):
                window = WINDOWS[w]
                still = max(state.still[i], state.market_still[i])
                for c in range(3 * w, 3 * w + 3):
                    out[k, c], why[k, c] = np.nan, WARMING_UP if n <= window else EDGE
                if n <= window or n - state.without[i] < window or still >= window:
                    continue
                low, mid, high = spectra(x, y, u, v, w, 0), spectra(x, y, u, v, w, 1), spectra(x, y, u, v, w, 2)
                all_own, all_market = low[0] + mid[0] + high[0], low[1] + mid[1] + high[1]
                least = max(params.floor * all_own, params.no_power * window * newest * newest)
                least_market = max(params.floor * all_market, params.no_power * window * market * market)
                for band in range(3):
                    own, other, both = low if band == 0 else mid if band == 1 else high
                    if own > least and other > least_market:
                        out[k, 3 * w + band], why[k, 3 * w + band] = both / (own * other), 0


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
        version=2,
    )
)
