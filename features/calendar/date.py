"""Where in the day, week, month and year a bar closed, as points on circles, and how far the next expiry is.

Seed:   none.
Edges:  none. UTC throughout; a bar that closes at midnight belongs to the day, month and year it ends.
Cost:   O(1) a bar time, no state; rows of the same time share the work.
"""

from __future__ import annotations

import math
from functools import partial
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
    "day_of_year": "(day of year - 1) / days in this year",
}
EXPIRY = 2 * len(CIRCLES)  # its column


class Params(NamedTuple):
    circles: int


@njit(cache=True, inline="always")
def is_leap(year: int) -> bool:
    """Say whether a year counted from one that 400 divides is a leap year."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@njit(cache=True, inline="always")
def date_of(day: int) -> tuple[int, int, int, float]:
    """Return month (1 .. 12), day of month (1 .. 31), the month's length and the share of the year that is over.

    `day` counts from 1970-01-01. Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that
    leap days come last.
    """
    shifted = day + 719_468
    era_day = shifted % 146_097
    year = (era_day - era_day // 1_460 + era_day // 36_524 - era_day // 146_096) // 365
    year_day = era_day - (365 * year + year // 4 - year // 100)
    march_month = (5 * year_day + 2) // 153
    month = march_month + 3 if march_month < 10 else march_month - 9
    leap = is_leap(year if month > 2 else year + 1)
    length = 28 + leap if month == 2 else 30 + (month + month // 8) % 2
    since_new_year = year_day + 59 + leap if month > 2 else year_day - 306
    return month, year_day - (153 * march_month + 2) // 5 + 1, length, since_new_year / (365 + leap)


@njit(cache=True, inline="always")
def days_to_third_friday(day: int, day_of_month: int, length: int) -> int:
    """Return the days to the next third Friday of a month, 0 on one."""
    first = (day + 3 - (day_of_month - 1)) % 7  # weekday of the month's first, Monday 0
    third = 15 + (4 - first) % 7
    if day_of_month <= third:
        return third - day_of_month
    return length - day_of_month + 15 + (4 - (first + length)) % 7


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    share = np.zeros(params.circles)
    for k in range(len(bars.series)):
        why[k, :] = 0
        if k > 0 and bars.time[k] == bars.time[k - 1]:
            for c in range(2 * params.circles + 1):
                out[k, c] = out[k - 1, c]
            continue
        day = (bars.time[k] - 1) // DAY
        month, day_of_month, length, share[4] = date_of(day)
        share[0] = (bars.time[k] % DAY) / DAY
        share[1] = ((day + 3) % 7) / 7.0
        share[2] = (day_of_month - 1) / length
        share[3] = (month - 1) / 12.0
        for c in range(params.circles):
            out[k, 2 * c], out[k, 2 * c + 1] = math.sin(TURN * share[c]), math.cos(TURN * share[c])
        out[k, EXPIRY] = days_to_third_friday(day, day_of_month, length)


_column = partial(Column, inputs=("time",), driver=Driver.BAR, window=1, warm_up=1)
register(
    Group(
        name="date",
        family=Family.CALENDAR,
        stage=Stage.BARS,
        columns=(
            *(
                _column(
                    f"{circle}_{function}",
                    f"{function}(2 pi x), x = {share}, UTC at the close",
                    source="cyclic encoding of time",
                    unit="ratio",
                    range=(-1.0, 1.0),
                    oracle="datetime, calendar",
                )
                for circle, share in CIRCLES.items()
                for function in ("sin", "cos")
            ),
            _column(
                "days_to_expiry",
                "days to the next third Friday of a month, when stock and index options expire; 0 on one",
                source="OCC expiration calendar",
                unit="days",
                range=(0.0, 34.0),
                oracle="calendar",
                edges="an expiry moved by a holiday is not known to a kernel: it stays on the Friday",
            ),
        ),
        params=Params(len(CIRCLES)),
        init=no_state,
        update=update,
        version=2,
    )
)
