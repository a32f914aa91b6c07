"""What all rows of a bar time share of the basket's windows: the market's returns, the rows' spread, the factor."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from features.cross_asset.basket_sums import MONTH, QUARTER, RING, WEEK
from features.cross_asset.cross_section import mean_of
from features.cross_asset.first_factor import centre, dot, first_factor
from features.ties import TIE
from schema.ticks import Float64


@njit(cache=True)
def describe_market(market: Float64, t: int, out: Float64) -> None:
    """Write the sums of the last 5, 20, 60 market returns and the sample deviations of the last 20, 60."""
    for c, window in enumerate((WEEK, MONTH, QUARTER)):
        total = squares = 0.0
        for j in range(window):
            total += market[(t - j) & (RING - 1)]
        for j in range(window):
            squares += (market[(t - j) & (RING - 1)] - total / window) ** 2
        out[c] = total
        if c:
            out[2 + c] = math.sqrt(squares / (window - 1))


@njit(cache=True)
def describe_rows(values: Float64, rising: int, above: int, out: Float64) -> None:
    """Write dispersion of the rows' 20-bar returns, the shares of the rising and of those above their mean price."""
    mean, squares = mean_of(values), 0.0
    for value in values:
        squares += (value - mean) * (value - mean)
    out[0], out[1], out[2] = math.sqrt(squares / len(values)), rising / len(values), above / len(values)


@njit(cache=True)
def squares_about_mean(values: Float64) -> float:
    apart = values.copy()
    centre(apart)
    return dot(apart, apart)


@njit(cache=True)
def factor_of(gram: Float64, market: Float64, gap: float, factor: Float64) -> tuple[float, bool]:
    """Write the first factor's path; return its share of all variance (NaN where undefined), and whether it stands
    out."""
    path, columns, trace = market.copy(), np.zeros(RING), 0.0
    centre(path)
    for s in range(RING):
        columns += gram[s]
        trace += gram[s, s]
    trace -= columns.sum() / RING
    if dot(path, path) <= RING * TIE * TIE or trace <= RING * TIE * TIE:
        return np.nan, False
    first, second = first_factor(gram, path, factor)
    return min(first / trace, 1.0), second <= gap * first
