"""The catalogue rows of `swings.py` and the windows they have."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver
from features.decay import burn_in

LONG = 28  # the ultimate oscillator's; Vortex has half of it
TYPICAL = 20
SPAN, MASS = 9, 25
MASS_READY = 2 * SPAN - 1 + MASS - 1
CONVERGED = MASS_READY + burn_in(1 - 2 / (SPAN + 1), stages=2)
READY = (LONG // 2 + 1, LONG // 2 + 1, LONG + 1, TYPICAL, MASS_READY)  # bars, a column

_column = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    unit="ratio",
    range=(0.0, float("inf")),
    oracle="naive",
    edges="flat: undefined",
    ties="a sum of ranges, or a mean deviation, below 1e-12 of the price is none",
)
_vortex = partial(_column, source="Botes and Siepman (2010)", window=READY[0], warm_up=READY[0], params={"window": 14})
ROWS = (
    _vortex("vortex_plus_14", "sum of |high - low before| / sum of true ranges, of the last 14 bars"),
    _vortex("vortex_minus_14", "sum of |low - high before| / sum of true ranges, of the last 14 bars"),
    _column(
        "ultimate_oscillator_7_14_28",
        "100 * (4 a + 2 b + c) / 7, each sum(close - min(low, last close)) / sum(true range), over 7, 14, 28 bars",
        "Williams (1985); TA-Lib ULTOSC",
        window=READY[2],
        warm_up=READY[2],
        unit="percent",
        range=(0.0, 100.0),
        oracle="talib.ULTOSC",
        params={"long": LONG},
    ),
    _column(
        "cci_20",
        "(typical - mean) / (0.015 * mean |typical - mean|) over 20 bars, typical = (high + low + close) / 3",
        "Lambert (1980); TA-Lib CCI",
        window=TYPICAL,
        warm_up=TYPICAL,
        range=(float("-inf"), float("inf")),
        oracle="talib.CCI",
        params={"window": TYPICAL},
    ),
    _column(
        "mass_index_25",
        "sum over 25 bars of EMA(high - low, 9) / EMA(EMA(high - low, 9), 9)",
        "Dorsey (1992)",
        window=0,
        warm_up=MASS_READY,
        params={"window": MASS, "span": SPAN, "converged": CONVERGED},
    ),
)
