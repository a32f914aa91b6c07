"""News and social items beside one another: pooled mean and its momentum, agreement, and the share of news.

An item `dt` old weighs exp(-dt / horizon), whatever its kind.

Seed:   the first item of each kind.
Edges:  NO_FEED without both feeds; STALE ten horizons after the last item of either kind.
Cost:   O(1) an item, six exponentials a row, 18 numbers a symbol.
Source: Antweiler and Frank (2004), Is All That Talk Just Noise?, for agreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import SECOND
from features.inputs import BarInputs, ItemInputs
from features.microstructure.horizons import kept, write
from features.sentiment.decays import HORIZONS, LONG, MEAN, N_KINDS, NAMES, WEIGHT, aged, standing, take
from schema.items import NEWS, SOCIAL
from schema.reasons import UNDEFINED_MASK
from schema.ticks import Float64, Int64, UInt8

N = len(HORIZONS)
POOLED, AGREEMENT, NEWS_SHARE, MOMENTUM = 0, N, 2 * N, 3 * N


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    seen: Int64  # (S, kinds) items
    first: Int64  # (S, kinds) ns
    last: Int64  # (S, kinds) ns
    held: Float64  # (S, kinds, horizons, 3) weight, mean and squared deviations as of the last item


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros((n_symbols, N_KINDS), np.int64) for _ in range(3))
    return State(seen, first, last, np.zeros((n_symbols, N_KINDS, N, 3)))


@njit(cache=True)
def apply(params: Params, state: State, i: int, kind: int, time: int, score: float) -> None:
    for h in range(N):
        take(state.held[i, kind, h], kept(time - state.last[i, kind], params.horizons[h]), score)
    state.first[i, kind] = time if state.seen[i, kind] == 0 else state.first[i, kind]
    state.last[i, kind] = time
    state.seen[i, kind] += 1


@njit(cache=True)
def reason_of(state: State, i: int, horizon: int, time: int, feed: UInt8) -> int:
    """Return the validity bits of what needs both kinds: the first kind's reason against, else the other's."""
    reason = 0
    for kind in range(N_KINDS):
        own = standing(feed[kind], state.seen[i, kind], 1)
        own = aged(own, horizon, time - state.first[i, kind], time - state.last[i, kind])
        reason = reason if reason & UNDEFINED_MASK else own if own & UNDEFINED_MASK else reason | own
    return reason


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, feed: UInt8, out: Float64, why: UInt8, k: int) -> None:
    for h in range(N):
        horizon, held = params.horizons[h], state.held[i, :, h]
        reason = reason_of(state, i, horizon, time, feed)
        news = held[NEWS, WEIGHT] * kept(time - state.last[i, NEWS], horizon)
        social = held[SOCIAL, WEIGHT] * kept(time - state.last[i, SOCIAL], horizon)
        share = news / (news + social) if reason & UNDEFINED_MASK == 0 else 0.0
        apart = held[NEWS, MEAN] - held[SOCIAL, MEAN]
        write(out, why, k, POOLED + h, held[SOCIAL, MEAN] + share * apart, reason)
        write(out, why, k, AGREEMENT + h, 1.0 - 0.5 * abs(apart), reason)
        write(out, why, k, NEWS_SHARE + h, share, reason)
    for h in range(LONG):
        write(out, why, k, MOMENTUM + h, out[k, POOLED + h] - out[k, POOLED + LONG], why[k, h] | why[k, LONG])


@njit(cache=True)
def update(params: Params, state: State, items: ItemInputs, bars: BarInputs, out: Float64, why: UInt8) -> None:
    item = 0
    for k in range(len(bars.series)):
        while item < items.position[k]:
            apply(params, state, items.symbol[item], items.kind[item], items.time[item], items.score[item])
            item += 1
        read(params, state, bars.symbol[k], bars.time[k], items.feed, out, why, k)


def _columns() -> Iterator[Column]:
    column = partial(
        Column, source="Antweiler and Frank (2004)", inputs=("news", "social"), driver=Driver.ITEM, window=0, warm_up=2,
        oracle="naive, in long double", unit="score", range=(-1.0, 1.0),
        edges="until an item of each kind came; STALE 10 horizons after the last of either",
    )  # fmt: skip
    of = [(name, {"horizon_seconds": h / SECOND}) for name, h in zip(NAMES, HORIZONS)]
    for name, params in of:
        yield column(f"sentiment_{name}", f"mean score of all items, weight exp(-age / {name})", params=params)
    for name, params in of:
        formula = f"1 - |news_sentiment_{name} - social_sentiment_{name}| / 2"
        yield column(f"sentiment_agreement_{name}", formula, params=params, unit="share", range=(0.0, 1.0))
    for name, params in of:
        formula = f"news_count_{name} / (news_count_{name} + social_count_{name})"
        yield column(f"news_share_{name}", formula, params=params, unit="share", range=(0.0, 1.0))
    for name, _ in of[:LONG]:
        formula, hour = f"sentiment_{name} - sentiment_{NAMES[LONG]}", of[LONG][1]
        yield column(f"sentiment_momentum_{name}", formula, params=hour, range=(-2.0, 2.0))


register(Group("both_kinds", Family.SENTIMENT, Stage.ITEMS, tuple(_columns()), Params(HORIZONS), init, update))
