"""Which side trades come from, and how large they are: signed volume as a share of the volume.

Trades weigh by exp(-age / horizon); the sums stand as of the last trade, whose age cancels in the ratios.

Seed:   the first trade.
Edges:  EDGE where all the volume is 0; a trade of unknown side is volume without a sign; STALE ten horizons after
        the last trade; a pause of more than 50 horizons forgets what was before it. A bar without volume: EDGE.
Cost:   O(timeframes) a trade, 9 numbers a symbol and 2 a series.
Source: Lee and Ready (1991) for the side where the feed gives none.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import HORIZONS, LONG, NAMES, SECOND, kept, write_share
from schema.ticks import TRADE, Float64, Int64, UInt8

N = len(HORIZONS)
VOLUME, SIGNED = 0, 1
MEAN_SIZE, BAR = N, N + 1  # columns, behind the signed shares


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns
    size_horizon: int  # ns


class State(NamedTuple):
    seen: Int64  # (S,) trades
    first: Int64  # (S,) ns
    last: Int64  # (S,) ns
    volume: Float64  # (S, horizons, 2) decayed volume, and the same signed
    sizes: Float64  # (S, 2) decayed volume over the size horizon, and the decayed number of trades
    bar: Float64  # (series, 2) volume of the open bar, and the same signed


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros(n_symbols, np.int64) for _ in range(3))
    bar = np.zeros((n_symbols * n_timeframes, 2))
    return State(seen, first, last, np.zeros((n_symbols, N, 2)), np.zeros((n_symbols, 2)), bar)


@njit(cache=True)
def apply(params: Params, state: State, i: int, time: int, size: float, signed: float) -> None:
    dt = time - state.last[i]
    for h in range(N):
        keep = kept(dt, params.horizons[h])
        state.volume[i, h, VOLUME] = keep * state.volume[i, h, VOLUME] + size
        state.volume[i, h, SIGNED] = keep * state.volume[i, h, SIGNED] + signed
    keep = kept(dt, params.size_horizon)
    state.sizes[i, 0] = keep * state.sizes[i, 0] + size
    state.sizes[i, 1] = keep * state.sizes[i, 1] + 1.0
    n_timeframes = len(state.bar) // len(state.seen)
    for j in range(i * n_timeframes, (i + 1) * n_timeframes):
        state.bar[j, VOLUME] += size
        state.bar[j, SIGNED] += signed
    if state.seen[i] == 0:
        state.first[i] = time
    state.seen[i] += 1
    state.last[i] = time


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    for h in range(N + 1):
        horizon = params.horizons[h] if h < N else params.size_horizon
        reason = horizons.aged(horizon, time - state.first[i], time - state.last[i])
        if state.seen[i] == 0:
            reason = horizons.NO_TRADES
        if h < N:
            write_share(out, why, k, h, state.volume[i, h, SIGNED], state.volume[i, h, VOLUME], reason)
        else:
            write_share(out, why, k, MEAN_SIZE, state.sizes[i, 0], state.sizes[i, 1], reason)


@njit(cache=True)
def close(state: State, i: int, timeframe: int, out: Float64, why: UInt8, k: int) -> None:
    """Write the bar's column and begin the next bar."""
    j = i * (len(state.bar) // len(state.seen)) + timeframe
    reason = horizons.NO_TRADES if state.seen[i] == 0 else 0
    write_share(out, why, k, BAR, state.bar[j, SIGNED], state.bar[j, VOLUME], reason)
    state.bar[j, :] = 0.0


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            if ticks.kind[t] == TRADE:
                size = ticks.size[t]
                apply(params, state, ticks.symbol[t], ticks.time[t], size, ticks.side[t] * size)
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)
            close(state, closes.symbol[k], closes.timeframe[k], out, why, k)


_column = partial(Column, driver=Driver.TRADE, warm_up=1, window=0, oracle="naive, in long double")
_share = partial(_column, source="Lee and Ready (1991)", inputs=("size", "side"), unit="ratio", range=(-1.0, 1.0))
register(
    Group(
        name="trades",
        family=Family.MICROSTRUCTURE,
        stage=Stage.TICKS,
        columns=(
            *(
                _share(
                    name=f"signed_volume_share_{name}",
                    formula=f"sum of side * size / sum of size, weight exp(-age / {name})",
                    params={"horizon_seconds": horizon / SECOND},
                    edges="no volume: undefined; STALE 10 horizons after the last trade",
                )
                for name, horizon in zip(NAMES, HORIZONS)
            ),
            _column(
                name="trade_size_mean_1m",
                formula="mean trade size, weight exp(-age / 1m)",
                source="O'Hara (1995)",
                inputs=("size",),
                unit="size",
                range=(0.0, float("inf")),
                degree_size=1,
                params={"horizon_seconds": LONG / SECOND},
                edges="STALE 10 horizons after the last trade",
            ),
            _share(
                name="bar_signed_volume_share",
                formula="sum of side * size / sum of size over the bar's trades",
                edges="bar without volume: undefined",
            ),
        ),
        params=Params(HORIZONS, LONG),
        init=init,
        update=update,
    )
)
