"""Disagreement of items with the price: what was said against what the price did over the same horizon.

The price's verdict is tanh(R / V): decayed sum of the bars' log returns over the root of the decayed sum of their
squares, both with weights exp(-age / horizon), bars at their close. The gap is the mean score of all items less that.

Seed:   the first item; before the second bar nothing moved.
Edges:  NO_FEED without any feed; STALE ten horizons after the last item; where no bar moved the price's verdict is 0; a
        pause of more than 50 horizons forgets what was before it.
Cost:   O(1) an item and a row, two exponentials a row, 10 numbers a symbol and 5 a series.
Source: Baker and Wurgler (2006) for sentiment against prices; the gap is our own definition.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import settled
from features.event_time import SECOND
from features.inputs import BarInputs, ItemInputs
from features.microstructure.horizons import kept, write
from features.sentiment.decays import HORIZONS, MEAN, NAMES, aged, standing, take
from features.ties import TIE
from schema.ticks import Float64, Int64, UInt8

N = 2  # horizons: the shorter ones


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns
    tie: float


class State(NamedTuple):
    seen: Int64  # (S,) items
    first: Int64  # (S,) ns
    last: Int64  # (S,) ns
    held: Float64  # (S, horizons, 3) weight, mean and squared deviations as of the last item
    closed: Int64  # (series,) ns, the last bar
    moved: Float64  # (series, horizons, 2) decayed sum of returns and of their squares


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros(n_symbols, np.int64) for _ in range(3))
    series = n_symbols * n_timeframes
    return State(seen, first, last, np.zeros((n_symbols, N, 3)), np.zeros(series, np.int64), np.zeros((series, N, 2)))


@njit(cache=True)
def apply(params: Params, state: State, i: int, time: int, score: float) -> None:
    for h in range(N):
        take(state.held[i, h], kept(time - state.last[i], params.horizons[h]), score)
    state.first[i] = time if state.seen[i] == 0 else state.first[i]
    state.last[i] = time
    state.seen[i] += 1


@njit(cache=True)
def move(params: Params, state: State, j: int, time: int, log_return: float) -> None:
    """Let a bar's return into the decayed sums; a series' first bar has none, equal closes give 0."""
    value = 0.0 if math.isnan(log_return) or abs(log_return) <= params.tie else log_return
    for h in range(N):
        keep, sums = kept(time - state.closed[j], params.horizons[h]), state.moved[j, h]
        sums[0] = settled(keep * sums[0] + value, 1.0)
        sums[1] = settled(keep * sums[1] + value * value, 1.0)
    state.closed[j] = time


@njit(cache=True)
def read(params: Params, state: State, i: int, j: int, time: int, feed: int, out: Float64, why: UInt8, k: int) -> None:
    here = standing(feed, state.seen[i], 1)
    for h in range(N):
        total, squares = state.moved[j, h, 0], state.moved[j, h, 1]
        reason = aged(here, params.horizons[h], time - state.first[i], time - state.last[i])
        verdict = math.tanh(total / math.sqrt(squares)) if squares > 0.0 else 0.0
        write(out, why, k, h, state.held[i, h, MEAN] - verdict, reason)


@njit(cache=True)
def update(params: Params, state: State, items: ItemInputs, bars: BarInputs, out: Float64, why: UInt8) -> None:
    item, feed = 0, max(items.feed[0], items.feed[1])
    for k in range(len(bars.series)):
        while item < items.position[k]:
            apply(params, state, items.symbol[item], items.time[item], items.score[item])
            item += 1
        move(params, state, bars.series[k], bars.time[k], bars.log_return[k])
        read(params, state, bars.symbol[k], bars.series[k], bars.time[k], feed, out, why, k)


_column = partial(
    Column,
    source="own definition, after Baker and Wurgler (2006)",
    inputs=("news", "social", "log_return"),
    driver=Driver.BAR,
    window=0,
    warm_up=1,
    unit="score",
    range=(-2.0, 2.0),
    oracle="naive, in long double",
    edges="no bar moved: its verdict is 0; STALE 10 horizons after the last item",
)
register(
    Group(
        "price_gap",
        Family.SENTIMENT,
        Stage.ITEMS,
        tuple(
            _column(
                f"sentiment_price_gap_{name}",
                f"mean score - tanh(sum of returns / sqrt(sum of their squares)), weights exp(-age / {name})",
                params={"horizon_seconds": horizon / SECOND},
            )
            for name, horizon in zip(NAMES[:N], HORIZONS[:N])
        ),
        Params(HORIZONS[:N], TIE),
        init,
        update,
    )
)
