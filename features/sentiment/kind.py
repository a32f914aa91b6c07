"""What one kind of item says: decayed mean, dispersion and count, momentum, and the last item beside those before.

An item `dt` old weighs exp(-dt / horizon). A surprise is the last score's distance from the mean of those before it,
in their deviations; all of that is as it was when the item came.

Seed:   the first item of the kind.
Edges:  NO_FEED without a feed of the kind; averages are STALE ten horizons after the last item, a count is then just
        small. A surprise is undefined where the scores before were equal. A pause of more than 50 horizons forgets
        what was before it. A score of 0 is not positive.
Cost:   O(1) an item, three exponentials a row, 19 numbers a symbol.
Source: Tetlock (2007), Giving Content to Investor Sentiment; West (1979) for the weighted moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.event_time import FORGOTTEN, SECOND
from features.inputs import BarInputs, ItemInputs
from features.microstructure.horizons import kept, write
from features.sentiment.decays import EDGE, HORIZONS, LONG, MEAN, NAMES, WEIGHT, aged, deviation, standing, take
from schema.items import KINDS
from schema.ticks import Float64, Int64, UInt8

N = len(HORIZONS)
MEANS, DISPERSIONS, COUNTS, MOMENTA = 0, N, 2 * N, 3 * N
SHARE, POLARITY, LAST, CHANGE, AGE, SURPRISE = range(4 * N - 1, 4 * N + 5)
SCORE, BEFORE, SURPRISED, POSITIVE, SIZE = range(5)  # of `recent`


class Params(NamedTuple):
    kind: int
    horizons: tuple[int, ...]  # ns


class State(NamedTuple):
    seen: Int64  # (S,) items
    first: Int64  # (S,) ns
    last: Int64  # (S,) ns
    held: Float64  # (S, horizons, 3) weight, mean and squared deviations as of the last item
    recent: Float64  # (S, 5) last score, the one before, last surprise, decayed share above 0, decayed size
    surprised: UInt8  # (S,) whether the last item has a surprise


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros(n_symbols, np.int64) for _ in range(3))
    held, recent = np.zeros((n_symbols, N, 3)), np.zeros((n_symbols, 5))
    return State(seen, first, last, held, recent, np.zeros(n_symbols, np.uint8))


@njit(cache=True)
def apply(params: Params, state: State, i: int, time: int, score: float) -> None:
    recent, before, age = state.recent[i], state.held[i, LONG], time - state.last[i]
    spread = deviation(before) if state.seen[i] > 1 and age <= FORGOTTEN * params.horizons[LONG] else 0.0
    state.surprised[i] = 1 if spread > 0.0 else 0
    recent[SURPRISED] = (score - before[MEAN]) / spread if spread > 0.0 else 0.0
    for h in range(N):
        take(state.held[i, h], kept(age, params.horizons[h]), score)
    share = 1.0 / state.held[i, LONG, WEIGHT]
    recent[POSITIVE] += share * ((1.0 if score > 0.0 else 0.0) - recent[POSITIVE])
    recent[SIZE] += share * (abs(score) - recent[SIZE])
    recent[BEFORE], recent[SCORE] = recent[SCORE], score
    state.first[i] = time if state.seen[i] == 0 else state.first[i]
    state.last[i] = time
    state.seen[i] += 1


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, feed: int, out: Float64, why: UInt8, k: int) -> None:
    here, age, recent = standing(feed, state.seen[i], 1), time - state.last[i], state.recent[i]
    for h in range(N):
        held, reason = state.held[i, h], aged(here, params.horizons[h], time - state.first[i], age)
        write(out, why, k, MEANS + h, held[MEAN], reason)
        write(out, why, k, DISPERSIONS + h, deviation(held) if here == 0 else 0.0, reason)
        write(out, why, k, COUNTS + h, held[WEIGHT] * kept(age, params.horizons[h]), here)
    for h in range(LONG):
        apart = state.held[i, h, MEAN] - state.held[i, LONG, MEAN]
        write(out, why, k, MOMENTA + h, apart, why[k, MEANS + h] | why[k, MEANS + LONG])
    write(out, why, k, SHARE, recent[POSITIVE], why[k, MEANS + LONG])
    write(out, why, k, POLARITY, recent[SIZE], why[k, MEANS + LONG])
    write(out, why, k, LAST, recent[SCORE], here)
    write(out, why, k, CHANGE, recent[SCORE] - recent[BEFORE], standing(feed, state.seen[i], 2))
    write(out, why, k, AGE, age / SECOND, here)
    enough = standing(feed, state.seen[i], 3)
    write(out, why, k, SURPRISE, recent[SURPRISED], EDGE if enough == 0 and state.surprised[i] == 0 else enough)


@njit(cache=True)
def update(params: Params, state: State, items: ItemInputs, bars: BarInputs, out: Float64, why: UInt8) -> None:
    item = 0
    for k in range(len(bars.series)):
        while item < items.position[k]:
            if items.kind[item] == params.kind:
                apply(params, state, items.symbol[item], items.time[item], items.score[item])
            item += 1
        read(params, state, bars.symbol[k], bars.time[k], items.feed[params.kind], out, why, k)


def _columns(kind: str) -> Iterator[Column]:
    column = partial(
        Column, source="Tetlock (2007)", inputs=(kind,), driver=Driver.ITEM, window=0, warm_up=1,
        oracle="naive, in long double", unit="score", range=(-1.0, 1.0), edges="STALE 10 horizons after the last item",
    )  # fmt: skip
    of = [(name, {"horizon_seconds": h / SECOND}) for name, h in zip(NAMES, HORIZONS)]
    for name, params in of:
        yield column(f"{kind}_sentiment_{name}", f"mean score of {kind}, weight exp(-age / {name})", params=params)
    for name, params in of:
        formula = f"standard deviation of the scores of {kind}, weight exp(-age / {name})"
        yield column(f"{kind}_dispersion_{name}", formula, params=params, range=(0.0, 1.0))
    for name, params in of:
        formula = f"sum of exp(-age / {name}) over the items of {kind}"
        yield column(
            f"{kind}_count_{name}", formula, params=params, unit="items", range=(0.0, float("inf")), edges="none"
        )
    long, hour = NAMES[LONG], {"horizon_seconds": HORIZONS[LONG] / SECOND}
    for name, _ in of[:LONG]:
        formula = f"{kind}_sentiment_{name} - {kind}_sentiment_{long}"
        yield column(f"{kind}_momentum_{name}", formula, params=hour, range=(-2.0, 2.0))
    formula = f"share of the items of {kind} with a score above 0, weight exp(-age / {long})"
    yield column(f"{kind}_positive_share_{long}", formula, params=hour, unit="share", range=(0.0, 1.0))
    yield column(
        f"{kind}_polarity_{long}", f"mean |score| of {kind}, weight exp(-age / {long})", params=hour, range=(0.0, 1.0)
    )
    last = partial(column, edges="none", window=1)
    yield last(f"{kind}_last_score", f"score of the last item of {kind}")
    yield last(f"{kind}_score_change", f"last score of {kind} - the one before", window=2, warm_up=2, range=(-2.0, 2.0))
    yield last(f"{kind}_age", f"seconds since the last item of {kind}", unit="s", range=(0.0, float("inf")))
    yield column(
        f"{kind}_surprise_{long}",
        f"(last score - mean of those before) / their deviation, weights exp(-age / {long}) when it came",
        source="Tetlock, Saar-Tsechansky and Macskassy (2008)",
        params=hour, warm_up=3, unit="deviations", range=(-float("inf"), float("inf")),
        edges="equal scores before: undefined",
    )  # fmt: skip


for _name, _kind in KINDS.items():
    register(
        Group(
            f"{_name}_items", Family.SENTIMENT, Stage.ITEMS, tuple(_columns(_name)), Params(_kind, HORIZONS), init,
            update,
        )
    )  # fmt: skip
