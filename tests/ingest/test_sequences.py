"""Numbers: each message once, every hole told, none made up."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dataflows.ingest.backoff import Backoff
from dataflows.ingest.clock import SECOND, VenueClock
from dataflows.ingest.sequences import REMEMBERED, Contiguous, Recent, Sequences

GRACE = 10


def declared(trades: Contiguous, now: int, grace: int = GRACE) -> list[tuple[int, int, int, int]]:
    return [(hole.first, hole.last, hole.begin, hole.end) for hole in trades.due(now, grace)]


def test_a_jump_is_told_once_and_only_when_nothing_fills_it() -> None:
    trades = Contiguous()
    assert [trades.see(number, number * 100, 0) for number in (5, 6, 9, 9, 6)] == [True, True, True, False, False]
    assert declared(trades, GRACE - 1) == []
    assert declared(trades, GRACE) == [(7, 8, 600, 900)]
    assert declared(trades, 10 * GRACE) == []
    assert trades.see(8, 800, 100)  # late, but new: it is written, the mark stays
    assert not trades.see(8, 800, 100)
    assert declared(trades, 200) == []


def test_what_overtook_leaves_no_hole() -> None:
    trades = Contiguous()
    assert all(trades.see(number, number, 0) for number in (1, 4, 2, 3, 5))
    assert trades.holes == []


def test_a_part_that_comes_late_splits_a_hole() -> None:
    trades = Contiguous()
    assert all(trades.see(number, number * 10, 0) for number in (1, 9, 5))
    assert declared(trades, GRACE) == [(2, 4, 10, 50), (6, 8, 50, 90)]


def test_a_heartbeat_shows_what_nothing_followed() -> None:
    trades = Contiguous()
    trades.reach(7, 70, 0)  # before the first trade it says nothing
    assert trades.see(7, 70, 0)
    trades.reach(7, 80, 0)
    trades.reach(9, 100, 0)
    assert declared(trades, GRACE) == [(8, 9, 70, 100)]


def test_numbers_that_begin_anew_are_no_repeats_for_ever() -> None:
    trades = Contiguous()
    trades.see(1_000_000, 100 * SECOND, 0)
    assert not trades.see(3, 100 * SECOND, 0)
    assert trades.see(3, 161 * SECOND, 0)
    assert declared(trades, GRACE) == [(3, 2, 100 * SECOND, 161 * SECOND)]
    assert trades.see(4, 162 * SECOND, 0)


def test_the_last_quotes_are_remembered() -> None:
    quotes = Recent()
    assert [quotes.see(number) for number in (5, 3, 5, 9, 3)] == [True, True, False, True, False]
    assert all(quotes.see(100 + number) for number in range(REMEMBERED))
    assert quotes.see(5)


@given(st.data())
def test_numbers_against_a_set(data: st.DataObject) -> None:
    """Any order, with losses and repeats: new is exactly what a set does not hold, the holes are the rest."""
    n = data.draw(st.integers(1, 40))
    sent = data.draw(st.lists(st.integers(0, n), max_size=80))
    trades, seen = Contiguous(), set[int]()
    for step, number in enumerate([0, *sent]):
        assert trades.see(number, number, step) == (number not in seen)
        seen.add(number)
    holes = declared(trades, 10**9, 0)
    told = {number for first, last, _, _ in holes for number in range(first, last + 1)}
    assert told == set(range(max(seen))) - seen
    for first, last, begin, end in holes:
        assert begin <= first <= last <= end  # a message's time is its number


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60))
def test_what_is_remembered_goes_on_the_same(steps: list[tuple[int, bool]]) -> None:
    one, other = Sequences(), Sequences()
    for step, (number, again) in enumerate(steps):
        if again:
            fresh = Sequences()
            fresh.restore(other.snapshot())
            other = fresh
        assert one.trade("A").see(number, number, step) == other.trade("A").see(number, number, step)
        assert one.quote("A").see(number) == other.quote("A").see(number)
        assert list(one.due(step, 5)) == list(other.due(step, 5))
    assert one.snapshot() == other.snapshot()


def test_the_venues_clock_follows_its_fastest_messages() -> None:
    clock = VenueClock()
    assert clock.at(100) == 100
    start = 10**18
    for delay in (80, 30, 50):
        clock.saw(start - delay, start)
    assert clock.at(start) == start - 30
    clock.saw(start + 3600 * SECOND, start)  # nonsense: it says nothing
    clock.saw(0, start)
    assert clock.at(start) == start - 30
    clock.saw(start + 61 * SECOND - 200, start + 61 * SECOND)
    assert clock.at(start) == start - 30  # the fast path may come back
    for minute in range(2, 4):  # the fast path has gone; two windows later it is forgotten
        clock.saw(start + minute * 61 * SECOND - 200, start + minute * 61 * SECOND)
    assert clock.at(start) == start - 200


def test_a_clock_that_is_off_is_followed_either_way() -> None:
    ahead, behind = VenueClock(), VenueClock()
    ahead.saw(10**18, 10**18 + 2 * SECOND)
    behind.saw(10**18, 10**18 - 2 * SECOND)
    assert (ahead.at(10**18), behind.at(10**18)) == (10**18 - 2 * SECOND, 10**18 + 2 * SECOND)


def test_waits_double_up_to_a_bound_and_differ_by_the_seed() -> None:
    def waits(seed: int) -> list[float]:
        backoff = Backoff(0.5, 8.0, Random(seed))
        return [backoff.wait() for _ in range(12)]

    longest = [0.5, 1, 2, 4, *[8] * 8]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits(1), longest))
    assert waits(1) == waits(1) != waits(2)
    backoff = Backoff(0.5, 8.0, Random(1))
    first = backoff.wait()
    backoff.reset()
    assert backoff.wait() <= 0.5 >= first
