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
        "fma(c, r, imaginary) - a * s",
        "fma(c, r, imaginary) + a * s",
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
        "advance(row(state.market, i), u, v, n, market,",
        "advance(row(state.market, 0), u, v, n, market,",
        Kind.SYMBOLS,
        "each series keeps the market's returns at its own bars",
    ),
    Fault(
        "features/spectral/sliding_dft.py",
        "fma(every(-change), load(sine, b), y)",
        "fma(every(change), load(sine, b), y)",
        Kind.SIGN,
        "a bin turns one way",
    ),
    Fault(
        "features/spectral/sliding_dft.py",
        "fma(by_turns, every(returns[half + j]), every(returns[j]))",
        "fma(every(1.0), every(returns[half + j]), every(returns[j]))",
        Kind.SIGN,
        "over half a window an odd bin turns by half a turn",
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
        "(c != FLUX or all_before > 0.0)",
        "True",
        Kind.VALIDITY,
        "a change of the spectrum is undefined where it was before",
    ),
)
