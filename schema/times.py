"""Times as texts: ISO-8601 in UTC with `Z`, always with nine decimals, so that they sort and lose nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?", re.I)


def iso(ns: int) -> str:
    """Write ns UTC as `2013-10-08T13:30:00.000000001Z`."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(1024)  # what is written together lies within seconds, and strftime takes longer than all the rest
def _second(seconds: int) -> str:
    return f"{(_EPOCH + timedelta(seconds=seconds)):%Y-%m-%dT%H:%M:%S}"


def parse_iso(text: str) -> int:
    """Read an ISO-8601 date or time as ns UTC; without an offset it is UTC.

    Raises ValueError, saying what was found and what is understood.
    """
    match = _FORM.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        day, clock, decimals, offset = match.groups()
        zone = "+00:00" if (offset or "Z").upper() == "Z" else offset
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{zone}")
    except ValueError:
        raise ValueError(
            f"time {text!r} is not understood; expected ISO-8601 in UTC, for example 2013-10-08T13:30:00.5Z"
        ) from None
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + int((decimals or "").ljust(9, "0"))
