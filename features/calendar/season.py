"""What is usual for this minute of the session, and how today compares: a table of past sessions, minute by minute.

A bar belongs to the minute of its session in which it began, counted from the regular open, before it from midnight
backwards (minute -1 is slot 1439). Each slot keeps the weighted mean and deviation of its bars' returns and volumes;
each session that had bars there weighs 0.95 of the next. Bars of the running minute wait, and are folded into their
slot when a bar of another minute or session comes: so a bar is compared with past sessions alone. Bars longer than a
minute use the slots they begin in, shorter ones share a slot; activity bars do as they come. A series' first bar, which
has no return, counts in neither.

Seed:   none: the first session of a slot is its first value, and no session weighs more than its age says.
Edges:  WARMING_UP in the first session; EDGE where no past session had a bar in this minute, for deviations where only
        one bar was; the volume ratio is EDGE where no volume was expected so far.
Cost:   O(1) a bar, one slot read; 7,200 numbers a series for 1,440 minutes, of which a session touches its own.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Final, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import NOT_CONVERGED, WARMING_UP, burn_in
from features.inputs import BarInputs, History
from features.tables import Slots
from schema.bars import BarFlag
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

MINUTE: Final = 60_000_000_000  # ns
MINUTES: Final = 1_440  # slots
KEEP: Final = 0.95  # of a session's weight, from one to the next
WEIGHT, RETURN, RETURN_SQUARES, VOLUME, VOLUME_SQUARES = range(5)  # columns of a slot; squares of deviations
CONVERGED: Final = burn_in(KEEP)  # sessions
EDGE, SESSION_FIRST = int(Why.EDGE), int(BarFlag.SESSION_FIRST)


class Params(NamedTuple):
    keep: float
    converged: int  # sessions


class State(NamedTuple):
    slots: Float64  # (series, MINUTES, 5)
    running: Float64  # (series, 5) the same of the running minute
    minute: Int64  # (series,) the running one
    session: Int64  # (series,) sessions seen
    volume: Float64  # (series,) of this session's bars whose slot is known
    expected: Float64  # (series,) what those slots expected of them


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    slots, running = np.zeros((n, MINUTES, 5)), np.zeros((n, 5))
    return State(slots, running, np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n), np.zeros(n))


def minute_of(start: Int64, session_open: Int64) -> Int64:
    """Return the slot of bars that begin at `start` (ns), in a session that opens at `session_open`."""
    return ((start - session_open) // MINUTE) % MINUTES


_minute_of = njit(cache=True, inline="always")(minute_of)


def touched(state: State, bars: BarInputs) -> Int64:
    """Return the minutes whose slots these bars may be folded into: those that run, and those they begin in."""
    return np.concatenate((state.minute[bars.series], minute_of(bars.start, bars.session_open)))


@njit(cache=True, inline="always")
def count(running: Float64, i: int, log_return: float, volume: float) -> None:
    """Let a bar into the running minute."""
    weight = running[i, WEIGHT] + 1.0
    change, other = log_return - running[i, RETURN], volume - running[i, VOLUME]
    running[i, WEIGHT] = weight
    running[i, RETURN] += change / weight
    running[i, VOLUME] += other / weight
    running[i, RETURN_SQUARES] += change * (log_return - running[i, RETURN])
    running[i, VOLUME_SQUARES] += other * (volume - running[i, VOLUME])


@njit(cache=True, inline="always")
def fold(slot: Float64, running: Float64, keep: float) -> None:
    """Let the running minute into its slot, whose past fades, and begin another. Chan et al. (1979)."""
    if running[WEIGHT] == 0.0:
        return
    before, here = keep * slot[WEIGHT], running[WEIGHT]
    slot[WEIGHT] = before + here
    for mean, squares in ((RETURN, RETURN_SQUARES), (VOLUME, VOLUME_SQUARES)):
        apart = running[mean] - slot[mean]
        slot[mean] += apart * (here / slot[WEIGHT])
        slot[squares] = keep * slot[squares] + running[squares] + apart * apart * (before * here / slot[WEIGHT])
    running[:] = 0.0


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    slots, running, minutes, sessions, volumes, expected = state
    series, start, session_open, flags = bars.series, bars.start, bars.session_open, bars.flags
    nth, log_return, volume = bars.n, bars.log_return, bars.volume
    for k in range(len(series)):
        i = series[k]
        minute = _minute_of(start[k], session_open[k])
        first = flags[k] & SESSION_FIRST != 0
        if first or minute != minutes[i]:
            fold(slots[i, minutes[i]], running[i], params.keep)
            minutes[i] = minute
        if first:
            sessions[i] += 1
            volumes[i] = expected[i] = 0.0
        weight = slots[i, minute, WEIGHT]
        sure = NOT_CONVERGED if sessions[i] < params.converged else 0
        for c in range(5):
            out[k, c], why[k, c] = np.nan, EDGE if sessions[i] > 1 else WARMING_UP
        if weight > 0.0:
            usual = slots[i, minute, VOLUME]
            out[k, 0], out[k, 2], why[k, 0], why[k, 2] = slots[i, minute, RETURN], usual, sure, sure
            volumes[i] += volume[k]
            expected[i] += usual
        if weight > 1.0:
            out[k, 1] = math.sqrt(slots[i, minute, RETURN_SQUARES] / weight)
            out[k, 3] = math.sqrt(slots[i, minute, VOLUME_SQUARES] / weight)
            why[k, 1] = why[k, 3] = sure
        if expected[i] > 0.0:
            out[k, 4], why[k, 4] = volumes[i] / expected[i], sure
        if nth[k] > 1:
            count(running, i, log_return[k], volume[k])


_column = partial(
    Column,
    source="Andersen and Bollerslev (1997), Intraday periodicity and volatility persistence",
    driver=Driver.SESSION,
    window=0,
    warm_up=2,
    oracle="naive weighted mean of all past bars of the minute, in long double",
    params={"keep": KEEP, "minutes": MINUTES},
    edges="no bar of a past session in this minute: undefined",
)
_return = partial(_column, inputs=("log_return", "start", "session_open"), unit="log return")
_volume = partial(_column, inputs=("volume", "start", "session_open"), unit="size", degree_size=1)
_FEW = "fewer than two bars of past sessions in this minute: undefined"
register(
    Group(
        name="season",
        family=Family.CALENDAR,
        stage=Stage.BARS,
        columns=(
            _return(
                "seasonal_return_mean",
                "mean log return of past sessions' bars of this minute, a session weighs 0.95 of the next",
                range=(-math.inf, math.inf),
            ),
            _return(
                "seasonal_return_deviation",
                "population standard deviation of the same",
                range=(0.0, math.inf),
                edges=_FEW,
            ),
            _volume(
                "seasonal_volume_mean",
                "mean volume of past sessions' bars of this minute, a session weighs 0.95 of the next",
                range=(0.0, math.inf),
            ),
            _volume(
                "seasonal_volume_deviation",
                "population standard deviation of the same",
                range=(0.0, math.inf),
                edges=_FEW,
            ),
            _volume(
                "seasonal_volume_ratio",
                "volume of this session so far / sum of seasonal_volume_mean over its bars, both where it is known",
                unit="ratio",
                degree_size=0,
                range=(0.0, math.inf),
                sessions="resets",
                edges="no volume expected so far: undefined",
            ),
        ),
        params=Params(KEEP, CONVERGED),
        init=init,
        update=update,
        tables={"slots": Slots(1, touched)},
    )
)
