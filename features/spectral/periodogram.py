"""Periodogram of the last 64 log returns: where its power lies, how concentrated it is, how it changes.

P_k = c |X_k|^2 of bins k = 1 .. 32 at k / 64 cycles a bar, no taper, one-sided: c = 2, and 1 at the Nyquist bin 32.
The mean (bin 0) has no part in it. X slides: X_k <- (X_k + newest - oldest) exp(2 pi i k / 64), undamped, and is
computed afresh once a lap and whenever the power falls below 1e-6 of the largest return squared since then.

Seed:   none.
Edges:  EDGE where the window has no power (all returns equal); bins below 1e-12 of the power count as 1e-12 in the
        flatness; the dominant bin is the lowest within 1e-9 of the largest.
Cost:   O(32) a bar and O(32 * 64) a lap, 98 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.spectral.sliding_dft import BINS, WINDOW, State, init, power_of, slide, transform
from schema.reasons import Why
from schema.ticks import Float64, UInt8

LAST_LOW, LAST_MID = 6, 19  # bins: 6 / 64 < 0.1 < 7 / 64, 19 / 64 < 0.3 < 20 / 64
FADED, NO_POWER, FLOOR, TIE = 1e-6, 1e-24, 1e-12, 1e-9
EDGE: Final = int(Why.EDGE)


class Params(NamedTuple):
    window: int
    last_low: int  # bin
    last_mid: int


@njit(cache=True)
def describe(params: Params, share: Float64, before: Float64, out: Float64, k: int) -> None:
    """Write the columns of a bar from its shares of power and those of the bar before."""
    low = mid = high = centroid = entropy = logs = change = 0.0
    largest, dominant = share.max(), -1
    for b in range(BINS):
        p, bin_ = share[b], b + 1
        if bin_ <= params.last_low:
            low += p
        elif bin_ <= params.last_mid:
            mid += p
        else:
            high += p
        log = math.log(max(p, FLOOR))
        centroid += p * (bin_ / WINDOW)
        entropy -= p * log
        logs += log
        change += (p - before[b]) ** 2
        if dominant < 0 and p >= (1.0 - TIE) * largest:
            dominant = bin_
    out[k, 0], out[k, 1], out[k, 2], out[k, 3] = low, mid, high, centroid
    out[k, 4] = min(max(entropy / math.log(BINS), 0.0), 1.0)
    out[k, 5] = min(BINS * math.exp(logs / BINS), 1.0)
    out[k, 6], out[k, 7] = WINDOW / dominant, math.sqrt(change)


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    share = np.empty(BINS)
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        out[k, :], why[k, :] = np.nan, WARMING_UP
        if n <= WINDOW:
            continue
        if n % WINDOW == 1:
            transform(state, history.log_return, i, n)
        else:
            slide(state, i, bars.log_return[k], past(history.log_return, i, n, WINDOW))
        total = power_of(state, i, share)
        if total < FADED * state.largest[i] ** 2:
            transform(state, history.log_return, i, n)
            total = power_of(state, i, share)
        if total <= NO_POWER * state.largest[i] ** 2:
            why[k, :], state.defined[i] = EDGE, 0
            if n == WINDOW + 1:
                why[k, 7] = WARMING_UP
            continue
        share /= total
        describe(params, share, state.share[i], out, k)
        why[k, :] = 0
        if state.defined[i] == 0:
            out[k, 7], why[k, 7] = np.nan, EDGE if n > WINDOW + 1 else WARMING_UP
        state.share[i, :], state.defined[i] = share, 1


_column = partial(
    Column,
    source="Oppenheim and Schafer, Discrete-Time Signal Processing",
    inputs=("log_return",),
    driver=Driver.BAR,
    window=WINDOW + 1,
    warm_up=WINDOW + 1,
    unit="ratio",
    range=(0.0, 1.0 + 1e-9),
    oracle="numpy.fft.rfft in long double",
    params={"window": WINDOW, "last_low_bin": LAST_LOW, "last_mid_bin": LAST_MID},
    edges="all returns equal: undefined",
)
register(
    Group(
        name="periodogram",
        family=Family.SPECTRAL,
        stage=Stage.BARS,
        columns=(
            _column("spectral_low_share_64", "power of bins 1 .. 6 (below 0.1 cycles a bar) / power"),
            _column("spectral_mid_share_64", "power of bins 7 .. 19 (0.1 to 0.3 cycles a bar) / power"),
            _column("spectral_high_share_64", "power of bins 20 .. 32 (above 0.3 cycles a bar) / power"),
            _column(
                "spectral_centroid_64",
                "sum of k / 64 * P_k / power",
                unit="cycles / bar",
                range=(1 / WINDOW, 0.5 + 1e-9),
            ),
            _column("spectral_entropy_64", "-sum of p log p / log 32, p = P_k / power", range=(0.0, 1.0)),
            _column(
                "spectral_flatness_64",
                "geometric / arithmetic mean of P_k",
                range=(0.0, 1.0),
                edges="all returns equal: undefined; bins below 1e-12 of the power count as that",
            ),
            _column(
                "spectral_dominant_period_64",
                "64 / bin of the largest P_k",
                unit="bars",
                range=(2.0, WINDOW),
                ties="the lowest bin within 1e-9 of the largest",
            ),
            _column(
                "spectral_flux_64",
                "root of the sum of (p - p of the bar before)^2, p = P_k / power",
                window=WINDOW + 2,
                warm_up=WINDOW + 2,
                range=(0.0, math.sqrt(2.0) + 1e-9),
                edges="all returns equal, in this window or the one before: undefined",
            ),
        ),
        params=Params(WINDOW, LAST_LOW, LAST_MID),
        init=init,
        update=update,
    )
)
