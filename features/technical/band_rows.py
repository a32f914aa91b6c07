"""The catalogue rows of `bollinger`."""

from __future__ import annotations

import math
from functools import partial

from features.catalogue import Column, Driver
from features.decay import burn_in

WINDOW, LONG, RANGES, POWERS, WIDTH = 20, 50, 10, 13, 2.0
CONVERGED = max(WINDOW + burn_in(1 - 2 / (WINDOW + 1)), RANGES + 1 + burn_in(1 - 1 / RANGES))
POWERS_CONVERGED = POWERS + burn_in(1 - 2 / (POWERS + 1))


def _bollinger(window: int) -> tuple[Column, Column]:
    column = partial(
        Column,
        source="Bollinger (2001); TA-Lib BBANDS (population deviation)",
        inputs=("close",),
        driver=Driver.BAR,
        window=window,
        warm_up=window,
        unit="ratio",
        oracle="naive",
        params={"window": window, "width": WIDTH},
    )
    reach = 0.5 + math.sqrt(window) / (2.0 * WIDTH)
    return (
        column(
            f"bollinger_position_{window}",
            f"(close - lower) / (upper - lower), bands = mean ± 2 deviations of the last {window} closes",
            range=(-1.0, 2.0) if window == WINDOW else (1.0 - reach, reach),
            edges="flat: undefined",
        ),
        column(f"bollinger_width_{window}", "(upper - lower) / middle", range=(0.0, float("inf"))),
    )


_keltner = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    window=0,
    warm_up=WINDOW,
    unit="ratio",
    oracle="naive; talib.EMA, talib.ATR",
    params={"window": WINDOW, "ranges": RANGES, "width": WIDTH, "converged": CONVERGED},
)
_power = partial(
    _keltner,
    source="Elder (1993); TA-Lib EMA",
    warm_up=POWERS,
    range=(float("-inf"), float("inf")),
    params={"window": POWERS, "converged": POWERS_CONVERGED},
)
COLUMNS: tuple[Column, ...] = (
    *_bollinger(WINDOW),
    *_bollinger(LONG),
    _keltner(
        "keltner_position_20",
        "(close - lower) / (upper - lower), bands = EMA 20 of the close ± 2 ATR 10",
        "Keltner (1960) as changed by Raschke; TA-Lib EMA, ATR",
        range=(float("-inf"), float("inf")),
        edges="no range left (1e-12 of the price): undefined",
        ties="a range of 1e-12 of the price is none",
    ),
    _keltner(
        "keltner_width_20",
        "(upper - lower) / middle",
        "Keltner (1960) as changed by Raschke; TA-Lib EMA, ATR",
        range=(0.0, float("inf")),
    ),
    _keltner(
        "squeeze_ratio_20",
        "width of the Bollinger over that of the Keltner bands, both 20: below 1 one lies in the other",
        "Carter (2005), TTM squeeze, as a ratio",
        range=(0.0, float("inf")),
        edges="no range left (1e-12 of the price): undefined",
        ties="a range of 1e-12 of the price is none",
    ),
    _power("elder_bull_power_13", "(high - EMA 13 of the close) / close"),
    _power("elder_bear_power_13", "(low - EMA 13 of the close) / close"),
)
