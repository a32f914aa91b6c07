"""The catalogue rows of `volume_flow`. Mean volume is the EMA 26 of the volume."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver
from features.decay import burn_in

FAST, SLOW, FORCE, EASE = 12, 26, 13, 14
CONVERGED = (SLOW + burn_in(1 - 2 / (SLOW + 1)),) * 4

_column = partial(
    Column,
    driver=Driver.BAR,
    window=0,
    warm_up=SLOW,
    unit="ratio",
    range=(float("-inf"), float("inf")),
    edges="no volume in 26 bars: NO_TRADES",
)
COLUMNS: tuple[Column, ...] = (
    _column(
        "pvo_12_26",
        "100 * (EMA 12 - EMA 26) / EMA 26 of the volume",
        "percentage volume oscillator; TA-Lib PPO of the volume",
        ("volume",),
        range=(-100.0, 200.0),
        unit="percent",
        oracle="talib.PPO",
        params={"fast": FAST, "slow": SLOW, "converged": CONVERGED[0]},
    ),
    _column(
        "chaikin_oscillator_3_10",
        "(EMA 3 - EMA 10) of the A/D line over the mean volume",
        "Chaikin; TA-Lib ADOSC",
        ("high", "low", "close", "volume"),
        oracle="talib.ADOSC",
        params={"fast": 3, "slow": 10, "converged": CONVERGED[1]},
    ),
    _column(
        "force_index_13",
        "EMA 13 of (close - close before) * volume over close * mean volume",
        "Elder (1993), normalised; TA-Lib EMA",
        ("close", "volume"),
        oracle="naive; talib.EMA",
        params={"window": FORCE, "converged": CONVERGED[2]},
    ),
    _column(
        "ease_of_movement_14",
        "mean of 14 (move of the bar's middle * range / volume) * mean volume / close^2",
        "Arms (1989), normalised",
        ("high", "low", "close", "volume"),
        oracle="naive",
        params={"window": EASE, "converged": CONVERGED[3]},
    ),
)
