"""Where in the day, week, month and year a bar closed, as points on circles.

Seed:   none.
Edges:  none. UTC throughout; a bar that closes at midnight belongs to the day, month and year it ends.
Cost:   O(1) a bar time, no state; rows of the same time share the work.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.inputs import BarInputs, History
from schema.ticks import Float64, UInt8

DAY = 86_400 * 1_000_000_000  # ns
TURN = 2.0 * math.pi
CIRCLES = {
    "time_of_day": "seconds since midnight / 86400",
    "day_of_week": "days since Monday / 7",
    "day_of_month": "(day of month - 1) / days in this month",
    "month": "(month - 1) / 12",
}


class Params(NamedTuple):
    circles: int


@njit(cache=True)
def first_of_month(day: int) -> tuple[int, int, int]:
    """Return month (1 .. 12), day of month (1 .. 31) and the month's length of a day counted from 1970-01-01.

    Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that leap days come last.
    """
    shifted = day + 719_468
    era_day = shifted % 146_097
    year = (era_day - era_day // 1_460 + era_day // 36_524 - era_day // 146_096) // 365
    year_day = era_day - (365 * year + year // 4 - year // 100)
    march_month = (5 * year_day + 2) // 153
    month = march_month + 3 if march_month < 10 else march_month - 9
    leap = month == 2 and (year + 1) % 4 == 0 and ((year + 1) % 100 != 0 or (year + 1) % 400 == 0)
    length = 28 + leap if month == 2 else 30 + (month + month // 8) % 2
    return month, year_day - (153 * march_month + 2) // 5 + 1, length


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    share = np.zeros(params.circles)
    for k in range(len(bars.series)):
        why[k, :] = 0
        if k > 0 and bars.time[k] == bars.time[k - 1]:
            out[k, :] = out[k - 1, :]
            continue
        day = (bars.time[k] - 1) // DAY
        month, day_of_month, length = first_of_month(day)
        share[0] = (bars.time[k] % DAY) / DAY
        share[1] = ((day + 3) % 7) / 7.0
        share[2] = (day_of_month - 1) / length
        share[3] = (month - 1) / 12.0
        for c in range(params.circles):
            out[k, 2 * c], out[k, 2 * c + 1] = math.sin(TURN * share[c]), math.cos(TURN * share[c])


register(
    Group(
        name="date",
        family=Family.CALENDAR,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=f"{circle}_{function}",
                formula=f"{function}(2 pi x), x = {share}, UTC at the close",
                source="cyclic encoding of time",
                inputs=("time",),
                driver=Driver.BAR,
                window=1,
                warm_up=1,
                unit="ratio",
                range=(-1.0, 1.0),
                oracle="datetime, calendar",
            )
            for circle, share in CIRCLES.items()
            for function in ("sin", "cos")
        ),
        params=Params(len(CIRCLES)),
        init=no_state,
        update=update,
    )
)
