"""The catalogue rows of `stops`."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver

STEP, MOST, WINDOW, WIDTH = 0.02, 0.2, 10, 3.0
CONVERGED = 200  # bars

_column = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    window=0,
)
_parabolic = partial(
    _column,
    warm_up=2,
    oracle="talib.SAR",
    params={"step": STEP, "most": MOST, "converged": CONVERGED},
    ties="a low (high) that touches the stop reverses; an extreme is new if it is further (by 1e-12 of the price)",
)
_trend = partial(
    _column,
    warm_up=WINDOW + 1,
    oracle="naive; talib.ATR",
    params={"window": WINDOW, "width": WIDTH, "converged": CONVERGED},
    ties="a close reverses it where it is beyond the line (by 1e-12 of the price)",
)
COLUMNS: tuple[Column, ...] = (
    _parabolic(
        "sar_distance",
        "(close - parabolic SAR) / close",
        "Wilder (1978); TA-Lib SAR",
        unit="ratio",
        range=(float("-inf"), 1.0),
    ),
    _parabolic("sar_direction", "1 long, -1 short", "Wilder (1978); TA-Lib SAR", unit="direction", range=(-1.0, 1.0)),
    _trend(
        "supertrend_distance_10",
        "(close - line) / close; line = middle of the bar ∓ 3 ATR 10, which never steps back from its trend",
        "Seban; TradingView",
        unit="ratio",
        range=(float("-inf"), float("inf")),
    ),
    _trend(
        "supertrend_direction_10",
        "1 from a close above the upper line on, -1 from one below the lower on",
        "Seban; TradingView",
        unit="direction",
        range=(-1.0, 1.0),
    ),
)
