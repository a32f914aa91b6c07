"""A day of items in 48 half-hours: how many, how good, and how much attention the last hour brought.

The day of a close is its half-hour (of UTC) and the 47 before it, so between 23.5 and 24 hours.

Seed:   the first item of a kind; half-hours before it count as empty.
Edges:  NO_FEED without a feed of the kind; a mean and the attention are undefined in a day without an item.
Cost:   O(48) a row, 50 numbers a symbol and kind. Scores are summed anew each row: nothing accumulates.
Source: Da, Engelberg and Gao (2011), In Search of Attention.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, ItemInputs
from features.microstructure.horizons import write
from features.sentiment.decays import EDGE, MINUTE, N_KINDS, standing
from schema.items import KINDS
from schema.ticks import Float64, Int64, UInt8

WIDTH, SLOTS = 30 * MINUTE, 48
RECENT = 2  # half-hours: the present one and the one before
COUNT, TOTAL = 0, 1


class Params(NamedTuple):
    slots: int


class State(NamedTuple):
    seen: Int64  # (S, kinds) items
    half_hour: Int64  # (S, kinds, SLOTS) which half-hour since 1970 a slot holds
    held: Float64  # (S, kinds, SLOTS, 2) number of items and sum of their scores


def init(n_symbols: int, n_timeframes: int) -> State:
    slots = (n_symbols, N_KINDS, SLOTS)
    return State(np.zeros((n_symbols, N_KINDS), np.int64), np.zeros(slots, np.int64), np.zeros((*slots, 2)))


@njit(cache=True)
def apply(state: State, i: int, kind: int, time: int, score: float) -> None:
    half_hour = time // WIDTH
    slot = half_hour % SLOTS
    if state.half_hour[i, kind, slot] != half_hour:
        state.half_hour[i, kind, slot] = half_hour
        state.held[i, kind, slot, :] = 0.0
    state.held[i, kind, slot, COUNT] += 1.0
    state.held[i, kind, slot, TOTAL] += score
    state.seen[i, kind] += 1


@njit(cache=True)
def read(state: State, i: int, kind: int, now: int, feed: int, out: Float64, why: UInt8, k: int) -> None:
    count = total = recent = 0.0
    for slot in range(SLOTS):
        age = now - state.half_hour[i, kind, slot]
        if age < SLOTS:
            count += state.held[i, kind, slot, COUNT]
            total += state.held[i, kind, slot, TOTAL]
            recent += state.held[i, kind, slot, COUNT] if age < RECENT else 0.0
    here, at = standing(feed, state.seen[i, kind], 1), 3 * kind
    some = EDGE if here == 0 and count == 0.0 else here
    write(out, why, k, at, count, here)
    write(out, why, k, at + 1, total / count if count > 0.0 else 0.0, some)
    write(out, why, k, at + 2, recent * (SLOTS / RECENT) / count if count > 0.0 else 0.0, some)


@njit(cache=True)
def update(params: Params, state: State, items: ItemInputs, bars: BarInputs, out: Float64, why: UInt8) -> None:
    item = 0
    for k in range(len(bars.series)):
        while item < items.position[k]:
            apply(state, items.symbol[item], items.kind[item], items.time[item], items.score[item])
            item += 1
        now = (bars.time[k] - 1) // WIDTH  # the close itself belongs to the next half-hour
        for kind in range(N_KINDS):
            read(state, bars.symbol[k], kind, now, items.feed[kind], out, why, k)


def _columns() -> Iterator[Column]:
    for kind in KINDS:
        column = partial(
            Column, source="Da, Engelberg and Gao (2011)", inputs=(kind,), driver=Driver.ITEM, window=0, warm_up=1,
            oracle="naive", params={"half_hours": SLOTS}, edges="a day without an item: undefined",
        )  # fmt: skip
        count = f"items of {kind} in this half-hour and the 47 before"
        yield column(f"{kind}_count_1d", count, unit="items", range=(0.0, float("inf")), edges="none")
        yield column(f"{kind}_sentiment_1d", f"mean score of the {count}", unit="score", range=(-1.0, 1.0))
        formula = f"items of {kind} in this half-hour and the one before, over a 24th of {kind}_count_1d"
        yield column(f"{kind}_attention", formula, unit="ratio", range=(0.0, SLOTS / RECENT))


register(Group("item_day", Family.SENTIMENT, Stage.ITEMS, tuple(_columns()), Params(SLOTS), init, update))
