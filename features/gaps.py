"""Gaps of the feed: which values a lost message reaches.

A bar marked `GAP` lost messages of its symbol. A column that looks back over `window` bars is undefined, for the
reason GAP, while such a bar is in its window. What remembers for ever is a number still and marked NOT_CONVERGED
until it has burnt in again: so many bars, or five of its horizons of event time. Columns of the clock alone, and those
that items drive, don't notice.

Edges:  another symbol's gap does not mask what compares symbols.
Cost:   nothing where there was no gap; O(columns) a row after one; 2 numbers a series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver
from features.event_time import SECOND
from features.inputs import BarInputs
from schema.bars import BarFlag
from schema.features import FeatureRows
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

CLOCK: Final = frozenset({"time", "session_open", "session_close", "phase"})  # inputs that no message brings
HORIZONS: Final = 5  # until a decayed sum has burnt in
GAP_FLAG, GAP, NOT_CONVERGED = int(BarFlag.GAP), int(Why.GAP), int(Why.NOT_CONVERGED)


class GapState(NamedTuple):
    bar: Int64  # (series,) number of the last bar with a gap, 0 if there was none
    time: Int64  # (series,) ns, its close


class Reach(NamedTuple):
    """How far a gap reaches, arrays of shape (columns,)."""

    window: Int64  # bars, the one with the gap included, that are undefined
    bars: Int64  # until burnt in
    horizon: Int64  # ns until burnt in


def new_gaps(n_series: int) -> GapState:
    """Return the state before any gap."""
    return GapState(np.zeros(n_series, np.int64), np.zeros(n_series, np.int64))


def reach_of(columns: Sequence[Column]) -> Reach:
    """Return how far a gap reaches into each column."""
    reach = Reach(*(np.zeros(len(columns), np.int64) for _ in Reach._fields))
    for at, column in enumerate(columns):
        if column.driver is Driver.ITEM or set(column.inputs) <= CLOCK:
            continue
        if column.window:
            reach.window[at] = column.window if column.driver is Driver.BAR else 1
        else:
            reach.bars[at] = column.params.get("converged", max(column.warm_up, 1))
            reach.horizon[at] = int(HORIZONS * column.params.get("horizon_seconds", 0) * SECOND)
    return reach


@njit(cache=True)
def _mask(state: GapState, reach: Reach, bars: BarInputs, values: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        i, n, time = bars.series[k], bars.n[k], bars.time[k]
        if bars.flags[k] & GAP_FLAG:
            state.bar[i], state.time[i] = n, time
        if state.bar[i] == 0:
            continue
        since, age = n - state.bar[i], time - state.time[i]
        for column in range(len(reach.window)):
            if since < reach.window[column]:
                values[k, column] = np.nan
                why[k, column] = (why[k, column] & ~NOT_CONVERGED) | GAP
            elif since < reach.bars[column] or age < reach.horizon[column]:
                why[k, column] |= NOT_CONVERGED if not np.isnan(values[k, column]) else 0


def mask_gaps(state: GapState, reach: Reach, bars: BarInputs, rows: FeatureRows) -> None:
    """Mark the cells that a gap reaches. Call it when all columns are written; it remembers the gaps it saw."""
    if (bars.flags & GAP_FLAG).any() or state.bar.any():
        _mask(state, reach, bars, rows.values, rows.why)
