"""From directions to positions, and from fills to what they earned: one pass over the bars of each symbol.

A direction is held for its horizon: the position behind a bar is the mean of the directions of the last h bars, so
between -1 and 1 of a symbol's capital (as in Jegadeesh and Titman 1993: h books that overlap, one begun each bar). Of
two orders that would meet the same quote only the later one is filled.

    gross_i  = position (mid at the next row's fill / mid at this one's - 1)
    spread_i = |change of position| half the spread        fee_i = |change of position| fee

Returns are on constant capital, not compounded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.backtest.fills import Costs, Fills
from models.data.dataset import Dataset
from models.data.folds import Rows
from models.evaluation.scoring import Forecast
from schema.ticks import Bool, Float64, Int64

Direction = NDArray[np.int8]


class Book(NamedTuple):
    """What came of each row (n,) of a data set, in shares of a symbol's capital."""

    position: Float64  # behind the fill of the row's order
    traded: Float64
    gross: Float64  # until the next row's fill
    spread: Float64
    fee: Float64
    known: Int64  # ns UTC at which it was: the next row's fill


def directions(forecast: Forecast, threshold: float) -> Direction:
    """Return 1 up, -1 down, 0 neutral (n,): where sideways is likeliest or confidence is below the threshold.

    A forecast without probabilities is its sign.
    """
    if forecast.probabilities is None:
        assert forecast.mean is not None, "a direction takes a mean or probabilities"
        return np.sign(forecast.mean).astype(np.int8)
    down, sideways, up = forecast.probabilities.T
    stronger = np.maximum(down, up)
    taken = (stronger > sideways) & (stronger >= threshold * (down + up))
    return np.where(taken, np.sign(up - down), 0).astype(np.int8)


def keep_book(
    dataset: Dataset, rows: Rows, direction: Direction, horizon: int, fills: Fills, flat: Bool, costs: Costs
) -> Book:
    """Trade the directions of the given rows of a data set; behind `flat` rows (n,) no position is held."""
    n = len(dataset.time)
    given = np.zeros(n, np.int8)
    given[rows] = direction
    book = Book(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), dataset.time.copy())
    order = np.argsort(dataset.symbol, kind="stable")
    _keep(
        order, dataset.symbol, given, horizon, flat, fills.time, fills.mid, fills.half, dataset.price,
        costs.fee_bps * 1e-4, *book,
    )  # fmt: skip
    return book


@njit(cache=True)
def _keep(  # type: ignore[no-untyped-def]
    order, symbol, direction, horizon, flat, time, mid, half, price, fee, position, traded, gross, spread, fees, known
):
    n = len(order)
    total, held, begin, ended = 0, 0.0, 0, False
    for a in range(n):
        i = order[a]
        if a == 0 or symbol[order[a - 1]] != symbol[i]:
            total, held, begin, ended = 0, 0.0, a, False
        if ended or not mid[i] > 0:
            continue
        total += direction[i]
        if a - horizon >= begin:
            total -= direction[order[a - horizon]]
        if flat[i]:
            total, begin = 0, a + 1
        j = order[min(a + 1, n - 1)]
        goes_on = j != i and symbol[j] == symbol[i] and mid[j] > 0
        overtaken = goes_on and time[j] == time[i]  # the next row's order meets the same quote
        wanted = held if overtaken else total / horizon
        traded[i] = abs(wanted - held)
        position[i] = held = wanted
        if goes_on:
            known[i], gross[i] = time[j], held * (mid[j] / mid[i] - 1.0)
        else:  # nothing fills any more: out at the last price, at the last spread
            ended = True
            z = a
            while z + 1 < n and symbol[order[z + 1]] == symbol[i]:
                z += 1
            gross[i] = held * (price[order[z]] / mid[i] - 1.0)
            known[i] = max(time[i], known[order[z]])
            traded[i] += abs(held)
        spread[i], fees[i] = traded[i] * half[i], traded[i] * fee
