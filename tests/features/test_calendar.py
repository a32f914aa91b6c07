"""The calendar's arithmetic, day by day against datetime and numpy; closures over a weekend and a holiday."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta

import numpy as np

from features.calendar.date import date_of, days_to_third_friday
from features.calendar.session import begin as begin_session
from features.calendar.session import init, weekdays_before

HOUR = 3_600_000_000_000  # ns


def test_dates_are_those_of_datetime() -> None:
    for day in range(84_000):
        expected = datetime(1970, 1, 1, tzinfo=UTC).date() + timedelta(days=day)
        length = calendar.monthrange(expected.year, expected.month)[1]
        over = (expected.timetuple().tm_yday - 1) / (366 if calendar.isleap(expected.year) else 365)
        assert date_of(day) == (expected.month, expected.day, length, over), expected


def test_expiry_is_the_third_friday() -> None:
    fridays = [
        [day for day in calendar.Calendar().itermonthdates(year, month) if day.month == month and day.weekday() == 4][2]
        for year in range(2000, 2031)
        for month in range(1, 13)
    ]
    for number in range((date(2030, 12, 1) - date(2000, 1, 1)).days):
        today = date(2000, 1, 1) + timedelta(days=number)
        expected = next(friday for friday in fridays if friday >= today)
        length = calendar.monthrange(today.year, today.month)[1]
        day = (today - date(1970, 1, 1)).days
        assert days_to_third_friday(day, today.day, length) == (expected - today).days, today


def test_weekdays_are_those_of_numpy() -> None:
    first = np.datetime64("1969-12-29")
    for day in range(-3, 3_000):
        assert weekdays_before(day) == np.busday_count(first, np.datetime64(day, "D")), day


def test_a_weekend_misses_no_weekday_but_a_holiday_does() -> None:
    """Thursday, Friday, Tuesday after a holiday Monday, Wednesday; sessions open at 13:30 or the evening before."""
    for opens in (13.5, -2.0):
        state = init(1, 1)
        seen = []
        for day in ("2013-08-29", "2013-08-30", "2013-09-03", "2013-09-04"):
            opened = int(np.datetime64(day, "ns").astype(np.int64) + opens * HOUR)
            begin_session(state, 0, opened, opened + 20 * HOUR if opens < 0 else opened + int(6.5 * HOUR))
            seen.append((int(state.missed[0]), int(state.since[0])))
        assert seen == [(0, 20), (0, 20), (1, 0), (0, 1)]
