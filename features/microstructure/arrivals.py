"""How often ticks come: trades and quotes a second, and the time between trades.

Rates decay between ticks: sum of exp(-age / horizon) / horizon. Waits are averaged trade by trade, their weights
decayed alike; a wait of more than ten horizons is a pause of trading and no wait.

Seed:   the first trade (waits: the second); the first quote.
Edges:  a rate is 0 after 50 horizons without an input; the mean wait is STALE ten horizons after the last trade and
        undefined (EDGE) while all waits were pauses.
Cost:   O(1) a tick, 12 numbers a symbol.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import Closes, TickInputs
from features.microstructure import horizons
from features.microstructure.horizons import HORIZONS, LONG, NAMES, SECOND, kept, write, write_share
from schema.ticks import TRADE, Float64, Int64, UInt8

N = len(HORIZONS)


class Params(NamedTuple):
    horizons: tuple[int, ...]  # ns
    wait_horizon: int  # ns


class State(NamedTuple):
    seen: Int64  # (S, 2) trades and quotes
    first: Int64  # (S, 2) ns
    last: Int64  # (S, 2) ns
    arrivals: Float64  # (S, 2, horizons) decayed number of them
    wait: Float64  # (S, 2) decayed sum of waits between trades in seconds, and their decayed number


def init(n_symbols: int, n_timeframes: int) -> State:
    seen, first, last = (np.zeros((n_symbols, 2), np.int64) for _ in range(3))
    return State(seen, first, last, np.zeros((n_symbols, 2, N)), np.zeros((n_symbols, 2)))


@njit(cache=True)
def apply(params: Params, state: State, i: int, kind: int, time: int) -> None:
    dt = time - state.last[i, kind]
    for h in range(N):
        state.arrivals[i, kind, h] = kept(dt, params.horizons[h]) * state.arrivals[i, kind, h] + 1.0
    if kind == TRADE and state.seen[i, kind] > 0:
        keep, counts = kept(dt, params.wait_horizon), dt <= horizons.STALE_AFTER * params.wait_horizon
        state.wait[i, 0] = keep * state.wait[i, 0] + (1e-9 * dt if counts else 0.0)
        state.wait[i, 1] = keep * state.wait[i, 1] + (1.0 if counts else 0.0)
    if state.seen[i, kind] == 0:
        state.first[i, kind] = time
    state.seen[i, kind] += 1
    state.last[i, kind] = time


@njit(cache=True)
def read(params: Params, state: State, i: int, time: int, out: Float64, why: UInt8, k: int) -> None:
    for kind in range(2):
        for h in range(N):
            horizon, reason = params.horizons[h], 0
            if state.seen[i, kind] == 0:
                reason = horizons.NO_TRADES if kind == TRADE else horizons.NO_QUOTES
            elif horizons.is_young(horizon, time - state.first[i, kind]):
                reason = horizons.NOT_CONVERGED
            rate = kept(time - state.last[i, kind], horizon) * state.arrivals[i, kind, h] * (SECOND / horizon)
            write(out, why, k, kind * N + h, rate, reason)
    reason = horizons.aged(params.wait_horizon, time - state.first[i, TRADE], time - state.last[i, TRADE])
    if state.seen[i, TRADE] < 2:
        reason = horizons.WARMING_UP if state.seen[i, TRADE] else horizons.NO_TRADES
    write_share(out, why, k, 2 * N, state.wait[i, 0], state.wait[i, 1], reason)


@njit(cache=True)
def update(params: Params, state: State, ticks: TickInputs, closes: Closes, out: Float64, why: UInt8) -> None:
    t, n_closes = 0, len(closes.position)
    for k in range(n_closes + 1):
        end = closes.position[k] if k < n_closes else len(ticks.time)
        while t < end:
            apply(params, state, ticks.symbol[t], ticks.kind[t], ticks.time[t])
            t += 1
        if k < n_closes:
            read(params, state, closes.symbol[k], closes.time[k], out, why, k)


_column = partial(Column, window=0, inputs=("time",), range=(0.0, float("inf")), oracle="naive, in long double")
register(
    Group(
        name="arrivals",
        family=Family.MICROSTRUCTURE,
        stage=Stage.TICKS,
        columns=(
            *(
                _column(
                    name=f"{kind}_rate_{name}",
                    formula=f"sum over {kind}s of exp(-age / {name}) / {name}",
                    source="exponential kernel estimate of an intensity, Bowsher (2007)",
                    driver=driver,
                    warm_up=1,
                    unit=f"{kind}s / second",
                    params={"horizon_seconds": horizon / SECOND},
                    edges="0 after 50 horizons without one",
                )
                for kind, driver in (("trade", Driver.TRADE), ("quote", Driver.QUOTE))
                for name, horizon in zip(NAMES, HORIZONS)
            ),
            _column(
                name="inter_trade_time_1m",
                formula="mean wait between trades, weight exp(-age of the trade that ended it / 1m)",
                source="Engle and Russell (1998)",
                driver=Driver.TRADE,
                warm_up=2,
                unit="seconds",
                params={"horizon_seconds": LONG / SECOND},
                edges="waits of more than 10 horizons don't count; STALE 10 horizons after the last trade",
            ),
        ),
        params=Params(HORIZONS, LONG),
        init=init,
        update=update,
    )
)
