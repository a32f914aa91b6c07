"""The spectrum of the log price less its least-squares line, from the transform of its returns.

See `periodogram` for the formula. The power of bin k is c |X_k - d|^2 / (4 sin^2(pi k / W)), X_k counted from the
window's first return, and d the mean of Re X_k under the same weights.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from features.spectral.sliding_dft import FIRST, WINDOWS
from features.spectral.spectrum import dominant_of, entropy_of, floored, scaled
from features.spectral.sums import added, dot, logarithms
from schema.ticks import Float64

NO_POWER: Final = 1e-24  # of the power that the line had a part in


def _gains(window: int) -> np.ndarray:
    gain = 0.5 / np.sin(np.pi * np.arange(1, window // 2 + 1) / window) ** 2
    gain[-1] *= 0.5
    return gain


def _half_turns(window: int) -> np.ndarray:
    return np.pi * np.arange(1, window // 2 + 1) / window


GAIN: Final = np.concatenate([_gains(w) for w in WINDOWS])  # c / (4 sin^2), what a bin's |X - d|^2 counts
GAINS: Final = np.array([_gains(w).sum() for w in WINDOWS])
HALF_COS: Final = np.concatenate([np.cos(_half_turns(w)) for w in WINDOWS])
HALF_SIN: Final = np.concatenate([np.sin(_half_turns(w)) for w in WINDOWS])


@njit(cache=True)
def describe_price(
    w: int,
    real: Float64,
    imaginary: Float64,
    cosine: Float64,
    sine: Float64,
    share: Float64,
    log: Float64,
    room: Float64,
    out: Float64,
) -> bool:
    """Write period, share, phase (sine, cosine) of the dominant cycle and the entropy; False where there is no power.

    `cosine` and `sine` turn the bins to the window's first return; `share`, `log` and `room` are room.
    """
    window, first = WINDOWS[w], FIRST[w]
    gain = GAIN[first : first + len(real)]
    for b in range(len(real)):
        room[b] = real[b] * cosine[b] - imaginary[b] * sine[b]
    line = dot(gain, room) / GAINS[w]
    for b in range(len(real)):
        y = real[b] * sine[b] + imaginary[b] * cosine[b]
        room[b] -= line
        share[b] = gain[b] * (room[b] * room[b] + y * y)
    total = added(share)
    if total <= NO_POWER * GAINS[w] * line * line:
        out[:] = np.nan
        return False
    scaled(share, 1.0 / total)
    b = dominant_of(share) - 1
    x, y = room[b], real[b] * sine[b] + imaginary[b] * cosine[b]
    length = math.sqrt(x * x + y * y)
    c, s = HALF_COS[first + b], HALF_SIN[first + b]  # times -i exp(-i pi k / W): the newest bar, and 1 / (1 - z)
    out[0], out[1] = window / (b + 1), share[b]
    out[2], out[3] = -(x * c + y * s) / length, (y * c - x * s) / length
    floored(share, room)
    logarithms(room, log)
    out[4] = entropy_of(share, log)
    return True
