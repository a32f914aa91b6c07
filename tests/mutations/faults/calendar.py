"""Faults in the kernels of date, session and season."""

from __future__ import annotations

from tests.mutations.fault import Fault, Kind

FAULTS = (
    Fault(
        "features/calendar/date.py",
        "math.sin(TURN * share[c]), math.cos(TURN * share[c])",
        "math.cos(TURN * share[c]), math.sin(TURN * share[c])",
        Kind.FORMULA,
        "sine and cosine of a circle stand in each other's column",
    ),
    Fault(
        "features/calendar/date.py",
        "day = (bars.time[k] - 1) // DAY",
        "day = bars.time[k] // DAY",
        Kind.BOUNDARY,
        "a bar that closes at midnight belongs to the day that it ends",
    ),
    Fault(
        "features/calendar/date.py",
        "(year % 100 != 0 or year % 400 == 0)",
        "year % 100 != 0",
        Kind.FORMULA,
        "a year that 400 divides is a leap year",
    ),
    Fault(
        "features/calendar/date.py",
        "if day_of_month <= third:",
        "if day_of_month < third:",
        Kind.BOUNDARY,
        "on a day of expiry the next one is 0 days away",
    ),
    Fault(
        "features/calendar/season.py",
        "volumes[i] = expected[i] = 0.0",
        "volumes[i] += 0.0",
        Kind.RESET,
        "the volume of a session starts anew with it",
    ),
    Fault(
        "features/calendar/season.py",
        "before, here = keep * slot[WEIGHT], running[WEIGHT]",
        "before, here = slot[WEIGHT], running[WEIGHT]",
        Kind.DECAY,
        "a past session's weight fades with the next",
    ),
    Fault(
        "features/calendar/season.py",
        "        if nth[k] > 1:\n            count(",
        "        if nth[k] > 0:\n            count(",
        Kind.NAN,
        "a first bar, which has no return, counts in no slot",
    ),
    Fault(
        "features/calendar/session.py",
        "begin(state, i, opened, closed)",
        "begin(state, 0, opened, closed)",
        Kind.SYMBOLS,
        "each series begins its own sessions",
    ),
    Fault(
        "features/calendar/session.py",
        "weekdays_before(before + 1)",
        "weekdays_before(before)",
        Kind.WINDOW,
        "the day of the session before is not missed",
    ),
    Fault(
        "features/calendar/session.py",
        "if state.sessions[i] > 1:",
        "if state.sessions[i] > 0:",
        Kind.WARM_UP,
        "nothing is known of a session before the first",
    ),
)
