"""Oracles of the moving averages: each from its definition in long double, held to TA-Lib where it has the function."""

from __future__ import annotations

import numpy as np
import talib

from tests.oracles.registry import each_series, oracle
from tests.oracles.technical import Series, number, two_price_roundings
from tests.oracles.windows import EPS, agrees, before, exact, smoothed

SPANS = (5, 10, 20, 50)


def chain(values: np.ndarray, span: int, stages: int) -> list[np.ndarray]:
    """Return the EMA, the EMA of the EMA and so on, each seeded with the mean of its first inputs."""
    averages = []
    for stage in range(stages):
        values = smoothed(values, span, 2 / np.longdouble(span + 1), first=stage * (span - 1))
        averages.append(values)
    return averages


@oracle("ema_ratio_5", "ema_ratio_100", "ema_ratio_200", bound=two_price_roundings)
@oracle(*(f"{kind}_ratio_{span}" for kind in ("dema", "tema", "t3") for span in SPANS), bound=two_price_roundings)
@each_series
def recursive_ratio(name: str, bars: Series) -> np.ndarray:
    close, span, kind = bars["close"], number(name), name.split("_")[0]
    average = {"ema": ema, "dema": dema, "tema": tema, "t3": t3}[kind](close, span)
    if len(close) > 6 * span:
        agrees(average / exact(close), getattr(talib, kind.upper())(close, span) / close, 1e-11)
    return exact(close) / average - 1


def ema(close: np.ndarray, span: int) -> np.ndarray:
    return chain(close, span, 1)[0]


def dema(close: np.ndarray, span: int) -> np.ndarray:
    one, two = chain(close, span, 2)
    return 2 * one - two


def tema(close: np.ndarray, span: int) -> np.ndarray:
    one, two, three = chain(close, span, 3)
    return 3 * (one - two) + three


def t3(close: np.ndarray, span: int) -> np.ndarray:
    _, _, three, four, five, six = chain(close, span, 6)
    v = np.longdouble(7) / 10
    return (
        (1 + v) ** 3 * three - 3 * v * (1 + v) ** 2 * four + 3 * v**2 * (1 + v) * five - v**3 * six
    )  # (1 + v) f - v f(f), three times over, f the EMA of an EMA


@oracle("trix_20", bound=lambda name, market: 200 * EPS)
@each_series
def trix(name: str, bars: Series) -> np.ndarray:
    third = chain(bars["close"], 20, 3)[2]
    ours = 100 * (third / before(third) - 1)
    return agrees(ours, talib.TRIX(bars["close"], 20), 1e-9) if len(ours) > 60 else ours


@oracle("trix_signal_20_9", bound=lambda name, market: 200 * EPS)
@each_series
def trix_signal(name: str, bars: Series) -> np.ndarray:
    return smoothed(trix_of(bars), 9, 2 / np.longdouble(10), first=58)


def trix_of(bars: Series) -> np.ndarray:
    third = chain(bars["close"], 20, 3)[2]
    return 100 * (third / before(third) - 1)
