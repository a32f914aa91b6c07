"""Faults in the kernels of spectra, wavelets and coherence."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/spectral/haar.py",
        "come * come - gone * gone",
        "come * come",
        Kind.WINDOW,
        "energy leaves with the bar that leaves the window",
    ),
    Fault(
        "features/spectral/coherence.py",
        "imaginary += y[b] * u[b] - x[b] * v[b]",
        "imaginary += y[b] * u[b] + x[b] * v[b]",
        Kind.SIGN,
        "the market's bins are conjugated",
    ),
    Fault(
        "features/spectral/coherence.py",
        "if n == 1 or not known:",
        "if n == 1:",
        Kind.VALIDITY,
        "a window with a bar that had no market is undefined",
    ),
    Fault(
        "features/spectral/coherence.py",
        "advance(state.market[i], u, v, n, market,",
        "advance(state.market[0], u, v, n, market,",
        Kind.SYMBOLS,
        "each series keeps the market's returns at its own bars",
    ),
    Fault(
        "features/spectral/sliding_dft.py",
        "        imaginary[b] -= change * sine[b]",
        "        imaginary[b] += change * sine[b]",
        Kind.SIGN,
        "a bin turns one way",
    ),
    Fault(
        "features/spectral/detrended.py",
        "-(x[b] * c + y[b] * s) / length",
        "(x[b] * c + y[b] * s) / length",
        Kind.SIGN,
        "the phase of the dominant cycle counts from the newest bar",
    ),
    Fault(
        "features/spectral/periodogram.py",
        "EDGE if n > window + 1 else WARMING_UP",
        "0",
        Kind.VALIDITY,
        "a change of the spectrum is undefined where it was before",
    ),
)
