"""The catalogue rows of `channels`."""

from __future__ import annotations

from functools import partial

from features.catalogue import Column, Driver

TENKAN, KIJUN, SENKOU, AHEAD = 9, 26, 52, 26

_column = partial(
    Column,
    inputs=("high", "low", "close"),
    driver=Driver.BAR,
    unit="ratio",
    oracle="naive",
)


def _donchian(window: int) -> tuple[Column, Column]:
    column = partial(
        _column,
        source="Donchian; TA-Lib MAX, MIN",
        window=window,
        warm_up=window,
        oracle="talib.MAX, talib.MIN",
        params={"window": window},
    )
    return (
        column(
            f"donchian_position_{window}",
            "(close - lowest low) / (highest high - lowest low)",
            range=(0.0, 1.0),
            edges="flat: undefined",
        ),
        column(f"donchian_width_{window}", "(highest high - lowest low) / their mean", range=(0.0, 2.0)),
    )


_ichimoku = partial(_column, source="Hosoda (1969)", range=(-1.0, float("inf")))
_AS_KNOWN = f"as it stands at the bar: computed {AHEAD} bars before"
_senkou = {"first": TENKAN, "second": KIJUN, "third": SENKOU, "ahead": AHEAD}
COLUMNS: tuple[Column, ...] = (
    *_donchian(20),
    *_donchian(55),
    _ichimoku(
        "tenkan_distance_9", "close / tenkan - 1, tenkan = middle of highest high and lowest low of 9 bars",
        window=TENKAN, warm_up=TENKAN, params={"window": TENKAN},
    ),
    _ichimoku(
        "kijun_distance_26", "close / kijun - 1, kijun = middle of highest high and lowest low of 26 bars",
        window=KIJUN, warm_up=KIJUN, params={"window": KIJUN},
    ),
    _ichimoku(
        "senkou_a_distance", f"close / span A - 1, span A = mean of tenkan and kijun {_AS_KNOWN}",
        window=KIJUN + AHEAD, warm_up=KIJUN + AHEAD, params=_senkou,
    ),
    _ichimoku(
        "senkou_b_distance", f"close / span B - 1, span B = middle of highest high and lowest low of 52 {_AS_KNOWN}",
        window=SENKOU + AHEAD, warm_up=SENKOU + AHEAD, params=_senkou,
    ),
    _ichimoku(
        "cloud_position", "(2 * close - span A - span B) / |span A - span B|, from -1 (below the cloud) to 1 (above)",
        window=SENKOU + AHEAD, warm_up=SENKOU + AHEAD, range=(-1.0, 1.0), params=_senkou,
        edges="spans that meet (within 1e-12 of the price): undefined",
        ties="spans that meet",
    ),
)  # fmt: skip
WARM_UPS = tuple(column.warm_up for column in COLUMNS)
