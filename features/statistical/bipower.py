"""How much of the variance of the last log returns is smooth and how much came in jumps: part of `moments`.

Shares are undefined where nothing moved, the test also where no two returns in a row moved. Each third root is taken
once and kept, so that what leaves has the very bits that came.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from numba import njit

from features.catalogue import Column, Driver
from features.inputs import past
from features.statistical.sums import add, clear
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

LONG = 60
TERMS = 4  # of neighbours x, y, z: |x y|, min(x, y)², median(x, y, z)², (|x y z|) ** (4 / 3)
EDGE = int(Why.EDGE)
SMALLEST = math.pi / (math.pi - 2.0)
MIDDLE = math.pi / (6.0 - 4.0 * math.sqrt(3.0) + math.pi)
CUBE_MOMENT = 2.0 ** (2.0 / 3.0) * math.gamma(7.0 / 6.0) / math.gamma(0.5)  # mean of |z| ** (4 / 3), z normal
TRIPLE = CUBE_MOMENT**-3
NOISE = math.pi * math.pi / 4.0 + math.pi - 5.0


@njit(cache=True, inline="always")
def power(x: float, y: float, z: float) -> float:
    root = np.cbrt(abs((x * z) * y))
    return float((root * root) * (root * root))


@njit(cache=True, inline="always")
def neighbours(x: float, y: float, z: float, triple: float, terms: Float64, at: int) -> None:
    """Write the terms of neighbours that enter or leave."""
    x, y, z = abs(x), abs(y), abs(z)
    least = min(x, y)
    middle = max(least, min(max(x, y), z))
    terms[at], terms[at + 1], terms[at + 2], terms[at + 3] = x * y, least * least, middle * middle, triple


@njit(cache=True, error_model="numpy")
def build(
    sums: Float64, rests: Float64, i: int, n: int, returns: Float64, roots: Float64, window: int, at: int, last: int
) -> None:
    """Add the sums `at .. last - 1` up anew."""
    terms = np.zeros(at + TERMS)
    clear(sums, rests, i, at, last)
    for lag in range(window - 1):
        x, y = past(returns, i, n, lag), past(returns, i, n, lag + 1)
        whole = lag + 2 < window
        z = past(returns, i, n, lag + 2) if whole else 0.0
        neighbours(x, y, z, roots[(n - lag) % LONG, i] if whole else 0.0, terms, at)
        if not whole:
            terms[at + 2] = 0.0
        add(sums, rests, i, at, last, terms)


@njit(cache=True, inline="always")
def write_few(
    squares: float, quartic: float, pairs: float, window: int, out: Float64, why: UInt8, k: int, j: int
) -> None:
    """Write bipower variation, its share and the quarticity to row k from column j on."""
    smooth = 0.5 * math.pi * max(pairs, 0.0)
    out[k, j], out[k, j + 2] = smooth, window * (1.0 / 3.0) * max(quartic, 0.0)
    why[k, j] = why[k, j + 1] = why[k, j + 2] = 0
    if squares <= TIE * TIE:
        out[k, j + 1], why[k, j + 1] = np.nan, EDGE
    else:
        out[k, j + 1] = 1.0 - smooth * (window / (window - 1.0)) / squares


@njit(cache=True, inline="always")
def write_long(squares: float, s: Float64, at: int, out: Float64, why: UInt8, k: int, j: int) -> None:
    """Write the other estimators of LONG returns, after the few from column j on, from the sums s[at ..]."""
    window = float(LONG)
    tripower = window * TRIPLE * (window / (window - 2.0)) * max(s[at + 3], 0.0)
    out[k, j + 3] = SMALLEST * (window / (window - 1.0)) * max(s[at + 1], 0.0)
    out[k, j + 4] = MIDDLE * (window / (window - 2.0)) * max(s[at + 2], 0.0)
    out[k, j + 5] = tripower
    why[k, j + 3] = why[k, j + 4] = why[k, j + 5] = why[k, j + 6] = 0
    scaled = out[k, j] * (window / (window - 1.0))
    if squares <= TIE * TIE or scaled <= TIE * math.sqrt(squares):
        out[k, j + 6], why[k, j + 6] = np.nan, EDGE
    else:
        out[k, j + 6] = out[k, j + 1] / math.sqrt(NOISE / window * max(1.0, tripower / (scaled * scaled)))


def columns(window: int) -> tuple[Column, ...]:
    column = partial(
        Column, inputs=("close",), driver=Driver.BAR, window=window + 1, warm_up=window + 1, oracle="naive",
        unit="squared log return", range=(0.0, float("inf")), params={"window": window},
    )  # fmt: skip
    last, robust = f"of the last {window} log returns", "Andersen, Dobrev and Schaumburg (2012)"
    few = (
        column(
            f"bipower_variation_{window}",
            f"pi / 2 * sum of |log return| * |the one before|, {window - 1} products {last}",
            "Barndorff-Nielsen and Shephard (2004)",
        ),
        column(
            f"jump_share_{window}",
            f"1 - bipower variation * {window} / {window - 1} / sum of squares {last}",
            "Barndorff-Nielsen and Shephard (2004), relative jump",
            unit="share",
            range=(-2.0, 1.0),
            edges="no move: undefined",
        ),
        column(
            f"realized_quarticity_{window}",
            f"{window} / 3 * sum of fourth powers {last}",
            "Barndorff-Nielsen and Shephard (2002)",
            unit="log return ** 4",
        ),
    )
    if window != LONG:
        return few
    return (
        *few,
        column(
            f"min_realized_variance_{window}",
            f"pi / (pi - 2) * {window} / {window - 1} * sum of min(|log return|, |the one before|) ** 2 {last}",
            robust,
        ),
        column(
            f"median_realized_variance_{window}",
            f"pi / (6 - 4 sqrt(3) + pi) * {window} / {window - 2} * sum of squared medians of three sizes {last}",
            robust,
        ),
        column(
            f"tripower_quarticity_{window}",
            f"{window} * m ** -3 * {window} / {window - 2} * sum of products of three sizes ** (4 / 3) {last}, "
            "m = mean of |normal| ** (4 / 3)",
            "Barndorff-Nielsen and Shephard (2006)",
            unit="log return ** 4",
        ),
        column(
            f"jump_statistic_{window}",
            f"jump share / sqrt((pi ** 2 / 4 + pi - 5) / {window} * max(1, tripower quarticity / bipower ** 2)) {last}",
            "Huang and Tauchen (2005), ratio test",
            unit="deviations",
            range=(float("-inf"), float("inf")),
            edges="no move, or no two bars in a row that moved: undefined",
        ),
    )
