"""Why a tick was refused, why a value is undefined, why a barrier closed: one list each."""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum


class Dead(StrEnum):
    """Why a tick went to `dead_letters`. The value is what the table and the counters show."""

    MALFORMED = "malformed"  # a cell that can't be read as its type
    UNKNOWN_KIND = "unknown_kind"
    BAD_TIME = "bad_time"  # missing, or outside 1970..2200
    FROM_THE_FUTURE = "from_the_future"  # ts_event > ts_recv + bound
    BAD_PRICE = "bad_price"  # NaN, infinite, zero or negative
    BAD_SIZE = "bad_size"  # NaN, infinite or negative
    UNKNOWN_SYMBOL = "unknown_symbol"  # not in the universe, or the universe is full
    OUTSIDE_SESSION = "outside_session"
    DUPLICATE = "duplicate"  # a source sequence seen before
    OUTLIER = "outlier"  # a price far from the last, not confirmed by the next


class Verdict(IntEnum):
    """What became of a tick, as stored in `ticks.verdict`."""

    USED = 0
    LATE = 1
    DEAD = 2


class Why(IntFlag):
    """Validity bits of a feature value. 0 is valid; any bit of `UNDEFINED_MASK` goes with NaN."""

    VALID = 0
    WARMING_UP = 1
    GAP = 2  # a gap of the feed lies in the window
    STALE = 4  # the last quote or trade is too old
    NO_FEED = 8
    NO_QUOTES = 16
    NO_TRADES = 32
    EDGE = 64  # undefined by its formula: 0/0, a flat window, a small eigengap
    NOT_CONVERGED = 128  # a number, but it still depends on the first tick ever seen


UNDEFINED_MASK = 127  # all but NOT_CONVERGED


class CloseReason(StrEnum):
    """Why a barrier closed a bar time."""

    ALL_IN = "all_in"
    DEADLINE = "deadline"
