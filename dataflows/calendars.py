"""Session tables of exchanges, from exchange_calendars."""

from __future__ import annotations

import functools
from datetime import tzinfo
from typing import TYPE_CHECKING

import numpy as np

from features.sessions import Sessions, sessions_of, utc_sessions

if TYPE_CHECKING:
    import pandas as pd


@functools.cache
def sessions_of_calendar(code: str, extended_open: str = "", extended_close: str = "") -> Sessions:
    """Return the sessions of a calendar: `UTC`, or an exchange's code such as `XNYS`.

    `extended_open` and `extended_close` (like `04:00`, the exchange's own time) add pre-market and after-hours.
    Raises ValueError where the calendar isn't known.
    """
    if code == "UTC":
        return utc_sessions()
    import exchange_calendars  # it imports pandas: a second that the default calendar need not pay

    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if code not in known:
        raise ValueError(f"setting bars.calendar is {code!r}, expected UTC or one of {', '.join(sorted(known))}")
    try:
        calendar = exchange_calendars.get_calendar(code, start="1990-01-01")
    except ValueError:  # its holidays don't go back so far
        calendar = exchange_calendars.get_calendar(code, start=exchange_calendars.get_calendar(code).bound_min())
    opens, closes = _ns(calendar.schedule["open"]), _ns(calendar.schedule["close"])
    days = calendar.schedule.index
    start = np.minimum(opens, _at(days, extended_open, calendar.tz)) if extended_open else opens
    end = np.maximum(closes, _at(days, extended_close, calendar.tz)) if extended_close else closes
    return sessions_of(start, opens, closes, end, days.to_numpy().astype("datetime64[D]").astype(np.int64))


def _ns(times: pd.Series) -> np.ndarray:
    import pandas as pd

    return pd.DatetimeIndex(times.array).tz_convert("UTC").as_unit("ns").asi8


def _at(days: pd.DatetimeIndex, time_of_day: str, zone: tzinfo) -> np.ndarray:
    """Return the given local time of each day, daylight saving observed."""
    import pandas as pd

    local = days.tz_localize(None) + pd.Timedelta(f"{time_of_day}:00")
    return local.tz_localize(zone).tz_convert("UTC").as_unit("ns").asi8
