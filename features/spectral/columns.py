"""The catalogue rows of the periodogram: one of each for every window."""

from __future__ import annotations

import math
from typing import Any, Final

from features.catalogue import Column, Driver

PRICE_WINDOWS: Final = (64, 256)
ONE: Final = (0.0, 1.0 + 1e-9)
TURN: Final = (-1.0 - 1e-9, 1.0 + 1e-9)
ANY: Final = (-math.inf, math.inf)
LOWEST: Final = "the lowest bin within 1e-9 of the largest"
FLAT: Final = "all returns equal: undefined"
FLOORED: Final = f"{FLAT}; bins below 1e-12 of the power count as that"
OPPENHEIM = "Oppenheim and Schafer, Discrete-Time Signal Processing"
PEETERS = "Peeters (2004), A large set of audio features for sound description"

# name: formula, unit, range, ties, edges, source; W is the window
RETURN_COLUMNS: Final[dict[str, tuple[str, str, tuple[float, float] | None, str, str, str]]] = {
    "low_share": ("power of bins below 0.1 cycles a bar / power", "ratio", ONE, "none", FLAT, OPPENHEIM),
    "mid_share": ("power of bins from 0.1 to 0.3 cycles a bar / power", "ratio", ONE, "none", FLAT, OPPENHEIM),
    "high_share": ("power of bins above 0.3 cycles a bar / power", "ratio", ONE, "none", FLAT, OPPENHEIM),
    "centroid": ("sum of k / W * P_k / power", "cycles / bar", (0.0, 0.5 + 1e-9), "none", FLAT, PEETERS),
    "entropy": ("-sum of p log p / log (W / 2), p = P_k / power", "ratio", (0.0, 1.0), "none", FLOORED, PEETERS),
    "flatness": ("geometric / arithmetic mean of P_k", "ratio", (0.0, 1.0), "none", FLOORED, PEETERS),
    "dominant_period": ("W / bin of the largest P_k", "bars", None, LOWEST, FLAT, OPPENHEIM),
    "bandwidth": (
        "root of the sum of (k / W - centroid)^2 P_k / power",
        "cycles / bar",
        (0.0, 0.25 + 1e-9),
        "none",
        FLAT,
        PEETERS,
    ),
    "roll_off": (
        "lowest frequency k / W up to which 0.85 of the power lies",
        "cycles / bar",
        (0.0, 0.5 + 1e-9),
        "a bin counts where less than 1e-9 is lacking",
        FLAT,
        PEETERS,
    ),
    "slope": ("least-squares slope of log P_k against log k", "ratio", ANY, "none", FLOORED, "Bloomfield (1976)"),
    "dominant_share": ("P_k / power of the dominant bin", "ratio", ONE, "none", FLAT, OPPENHEIM),
    "phase_sin": ("sine of the dominant cycle's angle at the last bar", "ratio", TURN, LOWEST, FLAT, OPPENHEIM),
    "phase_cos": ("cosine of the dominant cycle's angle at the last bar", "ratio", TURN, LOWEST, FLAT, OPPENHEIM),
    "log_power": ("log (power / W^2), the log variance of the returns", "log", ANY, "none", FLAT, OPPENHEIM),
    "flux": (
        "root of the sum of (p - p of the bar before)^2, p = P_k / power",
        "ratio",
        (0.0, math.sqrt(2.0) + 1e-9),
        "none",
        "all returns equal, in this window or the one before: undefined",
        PEETERS,
    ),
}
PRICE_COLUMNS: Final[dict[str, tuple[str, str, tuple[float, float] | None, str]]] = {
    "dominant_period": ("W / bin of the largest P_k", "bars", None, LOWEST),
    "dominant_share": ("P_k / power of the dominant bin", "ratio", ONE, "none"),
    "phase_sin": ("sine of the dominant cycle's angle at the last bar", "ratio", TURN, LOWEST),
    "phase_cos": ("cosine of the dominant cycle's angle at the last bar", "ratio", TURN, LOWEST),
    "entropy": ("-sum of p log p / log (W / 2), p = P_k / power", "ratio", (0.0, 1.0), "none"),
}


def _column(name: str, window: int, reach: tuple[float, float] | None, **rest: Any) -> Column:
    longer = name.startswith("spectral_flux")
    return Column(
        name=f"{name}_{window}",
        driver=Driver.BAR,
        window=window + 1 + longer,
        warm_up=window + 1 + longer,
        range=reach or (2.0, window),
        inputs=("log_return",),
        params={"window": window},
        **rest,
    )


def return_column(name: str, window: int) -> Column:
    """Declare a column of the log returns' spectrum."""
    formula, unit, reach, ties, edges, source = RETURN_COLUMNS[name]
    return _column(
        f"spectral_{name}",
        window,
        reach,
        formula=formula.replace("W", str(window)),
        unit=unit,
        ties=ties,
        edges=edges,
        source=source,
        oracle="numpy.fft.rfft in long double",
    )


def price_column(name: str, window: int) -> Column:
    """Declare a column of the detrended log price's spectrum."""
    formula, unit, reach, ties = PRICE_COLUMNS[name]
    return _column(
        f"price_cycle_{name}",
        window,
        reach,
        formula=f"{formula.replace('W', str(window))}, of the log price less its least-squares line",
        unit=unit,
        ties=ties,
        edges="log prices on a line: undefined",
        source=OPPENHEIM,
        oracle="least squares and numpy.fft.rfft in long double",
    )
