from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dataflows.calendars import sessions_of_calendar
from dataflows.resample import Resampler
from features.bar_kernel import Origin
from features.bars import BarBuilder
from features.sessions import Sessions
from features.tick_inputs import TickPreparer
from schema.bars import Bars, concat_bars, take_bars
from schema.ticks import QUOTE, TRADE, Ticks, ticks_of
from schema.timeframes import parse_timeframe

RANK = np.array([1, 0, 2], np.int32)
DAYS = 26
SUMS = ("volume", "notional")
OTHER = [name for name in Bars._fields if name not in (*SUMS, "position", "timeframe")]


def market(sessions: Sessions, seed: int, whole: bool) -> Ticks:
    """Ticks of three symbols over the sessions around the end of daylight saving 2013, one with quotes first."""
    random = np.random.default_rng(seed)
    at = int(np.searchsorted(sessions.open, np.datetime64("2013-10-21", "ns").astype(np.int64)))
    times = np.sort(np.concatenate(
        [random.integers(sessions.start[k], sessions.end[k], 60) for k in range(at, at + DAYS)]
    ))  # fmt: skip
    ticks = ticks_of(len(times))
    for column in ticks:
        column[:] = 0
    ticks.ts_event[:] = ticks.ts_recv[:] = times
    ticks.symbol[:] = random.integers(0, 3, len(times))
    ticks.kind[:] = np.where((random.random(len(times)) < 0.4) | (np.arange(len(times)) < 40), QUOTE, TRADE)
    level = 60_000 * np.exp(np.cumsum(1e-3 * random.standard_normal(len(times))))
    ticks.price[:], ticks.bid[:], ticks.ask[:] = level, level * (1 - 1e-4), level * (1 + 1e-4)
    ticks.size[:] = random.integers(1, 500, len(times)) if whole else random.random(len(times))
    ticks.bid_size[:] = ticks.ask_size[:] = 100
    ticks.offset[:] = np.arange(len(times))
    return ticks


def built(ticks: Ticks, sessions: Sessions, name: str) -> Bars:
    preparer, builder = TickPreparer(0.1), BarBuilder((parse_timeframe(name),), sessions)
    preparer.grow(3)
    builder.grow(3)
    inputs = preparer.prepare(ticks)
    origin = Origin(ticks.lane, ticks.offset, ticks.index)
    last = int(sessions.end[np.searchsorted(sessions.start, ticks.ts_event[-1], side="right") - 1])
    return builder.step(inputs, origin, last, np.argsort(RANK))


def resampled(fine: Bars, sessions: Sessions, of: str, to: str, batch: int) -> Bars:
    """Give the fine bars in batches of so many bar times."""
    resampler = Resampler(parse_timeframe(of), parse_timeframe(to), sessions)
    begins = np.append(np.flatnonzero(np.diff(fine.time, prepend=-1))[::batch], len(fine.time))
    parts = [resampler.step(take_bars(fine, slice(a, b)), RANK) for a, b in pairwise(begins)]
    return concat_bars([part for part in parts if len(part.time)])


@pytest.mark.parametrize("calendar", ["XNYS", "UTC", "XNYS+"])
@pytest.mark.parametrize(
    ("of", "to"),
    [("1m", "5m"), ("5m", "15m"), ("5m", "1h"), ("15m", "4h"), ("1h", "1d"), ("15m", "1w"), ("1h", "1M"), ("1d", "1w"),
     ("1d", "1M")],
)  # fmt: skip
def test_coarser_bars_are_those_of_the_ticks(calendar: str, of: str, to: str) -> None:
    extended = ("04:00", "20:00") if calendar.endswith("+") else ("", "")
    sessions = sessions_of_calendar(calendar.removesuffix("+"), *extended)
    for whole in (True, False):
        ticks = market(sessions, 5, whole)
        direct = built(ticks, sessions, to)
        found = resampled(built(ticks, sessions, of), sessions, of, to, 7)
        direct = take_bars(direct, direct.time <= found.time[-1])
        assert len(direct.time) >= 3
        for name in OTHER:
            np.testing.assert_array_equal(getattr(found, name), getattr(direct, name), err_msg=f"{name} {of} {to}")
        for name in SUMS:
            np.testing.assert_allclose(getattr(found, name), getattr(direct, name), rtol=1e-12)
        if whole:
            np.testing.assert_array_equal(found.volume, direct.volume)


def test_the_future_never_changes_a_closed_bar() -> None:
    sessions = sessions_of_calendar("XNYS")
    fine = built(market(sessions, 6, whole=True), sessions, "15m")
    whole = resampled(fine, sessions, "15m", "4h", 1)
    for cut in np.unique(fine.time)[3::41].tolist():
        known = resampled(take_bars(fine, fine.time <= cut), sessions, "15m", "4h", 5)
        past = take_bars(whole, whole.time <= cut)
        for name in Bars._fields:
            np.testing.assert_array_equal(getattr(known, name), getattr(past, name))


def test_bars_that_can_not_be_joined_are_refused() -> None:
    for of, to in (("5m", "7m"), ("1h", "5m"), ("1d", "4h"), ("1w", "1M"), ("tick:5", "1h")):
        with pytest.raises(ValueError, match=f"bars of {to} can't be made of bars of {of}"):
            Resampler(parse_timeframe(of), parse_timeframe(to), sessions_of_calendar("UTC"))
