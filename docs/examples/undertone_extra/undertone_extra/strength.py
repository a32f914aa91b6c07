"""Internal bar strength: where in its range a bar closed, and the mean of that over the last bars.

Seed:   none.
Edges:  a bar without a range has no strength; the mean is that of the bars that have one, undefined without any.
Cost:   O(10) a bar, 10 numbers a series.
Source: Pagonidis (2013), The IBS Effect.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.inputs import BarInputs, History
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, UInt8

WINDOW = 10
NONE = -1.0  # the strength of a bar without a range: never NaN in a state
WARMING_UP, EDGE = int(Why.WARMING_UP), int(Why.EDGE)


class Params(NamedTuple):
    window: int


class State(NamedTuple):
    strength: Float64  # (series, WINDOW) of the last bars, the n-th at slot n % WINDOW


def init(n_symbols: int, n_timeframes: int) -> State:
    """Return the state before the first bar."""
    return State(np.zeros((n_symbols * n_timeframes, WINDOW)))


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    """Write both columns of each row."""
    strength = state.strength  # out of the named tuple once, not a row
    for k in range(len(bars.series)):
        i, n, low, high = bars.series[k], bars.n[k], bars.low[k], bars.high[k]
        now = (bars.close[k] - low) / (high - low) if high - low > TIE * high else NONE
        strength[i, n % WINDOW] = now
        out[k, 0], why[k, 0] = (np.nan, EDGE) if now == NONE else (now, 0)
        total, count = 0.0, 0
        for slot in range(WINDOW):
            if strength[i, slot] != NONE:
                total += strength[i, slot]
                count += 1
        if n < WINDOW:
            out[k, 1], why[k, 1] = np.nan, WARMING_UP
        elif count == 0:
            out[k, 1], why[k, 1] = np.nan, EDGE
        else:
            out[k, 1], why[k, 1] = total / count, 0


def _column(name: str, formula: str, window: int, edges: str) -> Column:
    return Column(
        name=name, formula=formula, source="Pagonidis (2013)", inputs=("high", "low", "close"), driver=Driver.BAR,
        window=window, warm_up=window, unit="share", range=(0.0, 1.0), oracle="naive, in long double",
        params={"window": window}, edges=edges, ties="a bar whose range is at most 1e-12 of its high has none",
    )  # fmt: skip


register(
    Group(
        name="internal_bar_strength",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=(
            _column("internal_bar_strength", "(close - low) / (high - low)", 1, "no range: undefined"),
            _column(
                f"internal_bar_strength_{WINDOW}",
                f"mean of internal_bar_strength over those of the last {WINDOW} bars that have one",
                WINDOW,
                "no bar with a range: undefined",
            ),
        ),
        params=Params(WINDOW),
        init=init,
        update=update,
    )
)
