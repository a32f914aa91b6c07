"""Verdicts that need memory: outliers, repeated venue numbers, sessions."""

from __future__ import annotations

import numpy as np

from features import verdicts
from features.sessions import DAY, Sessions, session_at, sessions_of, utc_sessions
from features.verdicts import ACCEPT, DUPLICATE, OUTLIER, OUTSIDE_SESSION
from schema.ticks import QUOTE, TRADE, Ticks, count, take, ticks_of

DAY0 = 15_986 * DAY


def judged(ticks: Ticks, sessions: Sessions | None = None, cuts: tuple[int, ...] = ()) -> list[int]:
    state, out = verdicts.init(2), []
    for first, last in zip((0, *cuts), (*cuts, count(ticks))):
        piece = take(ticks, slice(first, last))
        verdict = np.empty(count(piece), np.uint8)
        refused = verdicts.judge(state, sessions or utc_sessions(2013, 2013), piece, 0.25, 0.1, verdict)
        assert refused == np.count_nonzero(verdict)
        out += verdict.tolist()
    return out


def trades(prices: list[float], **columns: object) -> Ticks:
    return ticks_of(len(prices), ts_event=DAY0 + np.arange(len(prices)), symbol=0, kind=TRADE, price=prices, size=1.0,
                    **columns)  # fmt: skip


def test_one_wild_price_is_refused_and_the_next_good_one_passes() -> None:
    assert judged(trades([100, 1000, 100.1, 10, 99.9])) == [ACCEPT, OUTLIER, ACCEPT, OUTLIER, ACCEPT]


def test_a_third_price_in_agreement_is_a_new_level() -> None:
    assert judged(trades([100, 150, 151, 149, 150])) == [ACCEPT, OUTLIER, OUTLIER, ACCEPT, ACCEPT]


def test_wild_prices_that_disagree_are_no_level() -> None:
    assert judged(trades([100, 1000, 10, 1000, 10, 100])) == [0, OUTLIER, OUTLIER, OUTLIER, OUTLIER, 0]


def test_the_bound_is_symmetric_in_log_price() -> None:
    up, down = 100 * np.exp(0.249), 100 * np.exp(-0.249)
    assert judged(trades([100, up, 100, down])) == [0, 0, 0, 0]
    assert judged(trades([100, 100 * np.exp(0.251)])) == [0, OUTLIER]


def test_quotes_move_the_level_unless_absurdly_wide() -> None:
    ticks = ticks_of(4, ts_event=DAY0 + np.arange(4), symbol=0, kind=[TRADE, QUOTE, QUOTE, TRADE],
                     price=[100, np.nan, np.nan, 100], size=1.0, bid=[0, 1, 999, 0], ask=[0, 199, 1001, 0])  # fmt: skip
    assert judged(ticks) == [ACCEPT, ACCEPT, OUTLIER, ACCEPT]


def test_a_repeated_venue_number_is_refused_within_its_window() -> None:
    assert judged(trades([1, 1, 1, 1], sequence=[7, 8, 7, 9])) == [0, 0, DUPLICATE, 0]
    assert judged(trades([1, 1, 1], sequence=[-1, -1, -1])) == [0, 0, 0]
    ticks = ticks_of(2, ts_event=DAY0, symbol=[0, 1], kind=TRADE, price=1.0, size=1.0, sequence=5)
    assert judged(ticks) == [0, 0]


def test_what_no_session_holds_is_refused() -> None:
    start = np.array([DAY0 + 100, DAY0 + DAY + 100])
    sessions = sessions_of(start, start, start + 50, start + 50, np.array([15_986, 15_987]))
    times = np.array([99, 100, 149, 150, DAY + 100, DAY + 150]) + DAY0
    ticks = ticks_of(6, ts_event=times, symbol=0, kind=TRADE, price=1.0, size=1.0)
    assert judged(ticks, sessions) == [OUTSIDE_SESSION, 0, 0, OUTSIDE_SESSION, 0, OUTSIDE_SESSION]
    assert [session_at(sessions, int(t)) for t in times] == [-1, 0, 0, -1, 1, -1]


def test_cuts_do_not_change_a_verdict() -> None:
    rng = np.random.default_rng(2)
    prices = (100 * np.where(rng.random(500) < 0.1, 10.0, 1.0)).tolist()
    ticks = trades(prices, sequence=rng.integers(0, 300, 500))
    assert judged(ticks) == judged(ticks, cuts=(1, 2, 50, 51, 333))


def test_weeks_and_months_end_with_their_last_session() -> None:
    sessions = utc_sessions(2013, 2013)
    day = sessions.start // DAY
    dates = day.astype("datetime64[D]")
    days_left = 7 - (day[:350] + 3) % 7  # of the week; 1970-01-01 was a Thursday
    np.testing.assert_array_equal(sessions.week_end[:350] // DAY, day[:350] + days_left)
    months = (dates.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64)
    np.testing.assert_array_equal(sessions.month_end // DAY, months)
