"""The reorder buffer gives one order, whatever the cuts and however lanes interleave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.ordering import NEVER, BufferOverflow, ReorderBuffer
from schema.ticks import HEARTBEAT, TRADE, Ticks, concat, count, take, ticks_of

BOUND = 1_000


def arrivals(seed: int, n: int, lanes: int) -> Ticks:
    """Ticks that arrive up to 2,000 ns late in their lanes, with ties, heartbeats, and lanes interleaved at random."""
    rng = np.random.default_rng(seed)
    lane = rng.integers(0, lanes, n).astype(np.int32)
    time = 10_000 + np.arange(n) * 37 - rng.integers(0, 2_000, n) * (rng.random(n) < 0.3)
    offset = np.zeros(n, np.int64)
    for i in range(lanes):
        offset[lane == i] = np.arange(np.sum(lane == i))
    kind = np.where(rng.random(n) < 0.02, HEARTBEAT, TRADE).astype(np.uint8)
    return ticks_of(n, ts_event=time // 50 * 50, lane=lane, offset=offset, kind=kind, symbol=0, price=1.0, size=1.0)


def run(ticks: Ticks, lanes: int, cuts: list[int]) -> tuple[Ticks, Ticks]:
    """Push the ticks cut into batches; return what was released and what was late."""
    buffer, released, late = ReorderBuffer(BOUND, lanes), [], []
    for first, last in zip([0, *cuts], [*cuts, count(ticks)]):
        out = buffer.push(take(ticks, slice(first, last)))
        assert np.all(out.released.ts_event < buffer.watermark)
        released.append(out.released)
        late.append(out.late)
    released.append(buffer.finish())
    return concat(released), concat(late)


def naive_late(ticks: Ticks) -> np.ndarray:
    newest: dict[int, int] = {}
    late = np.zeros(count(ticks), bool)
    for k in range(count(ticks)):
        lane = int(ticks.lane[k])
        late[k] = ticks.ts_event[k] < newest.get(lane, NEVER) - BOUND and ticks.kind[k] != HEARTBEAT
        newest[lane] = max(newest.get(lane, NEVER), int(ticks.ts_event[k]))
    return late


@given(st.integers(0, 10_000), st.integers(1, 4), st.lists(st.integers(1, 399), max_size=12))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_release_is_sorted_complete_and_free_of_cuts(seed: int, lanes: int, cuts: list[int]) -> None:
    ticks = arrivals(seed, 400, lanes)
    released, late = run(ticks, lanes, sorted(set(cuts)))
    expected_late = naive_late(ticks)
    np.testing.assert_array_equal(late.offset, ticks.offset[expected_late])
    kept = take(ticks, ~expected_late & (ticks.kind != HEARTBEAT))
    order = np.lexsort((kept.offset, kept.lane, kept.ts_event))
    for field in ("ts_event", "lane", "offset"):
        np.testing.assert_array_equal(getattr(released, field), getattr(kept, field)[order])


def test_the_order_does_not_depend_on_how_lanes_interleave() -> None:
    ticks = arrivals(3, 600, 3)
    one, _ = run(ticks, 3, [200, 400])
    by_lane = take(ticks, np.argsort(ticks.lane, kind="stable"))
    other, _ = run(by_lane, 3, [100])
    np.testing.assert_array_equal(one.ts_event, other.ts_event)
    np.testing.assert_array_equal(one.offset, other.offset)
    np.testing.assert_array_equal(one.lane, other.lane)


def test_a_repeated_source_position_is_handed_back() -> None:
    buffer = ReorderBuffer(BOUND)
    ticks = ticks_of(3, ts_event=[1, 2, 3], offset=[0, 1, 2], kind=TRADE)
    assert count(buffer.push(ticks).repeated) == 0
    again = buffer.push(ticks_of(2, ts_event=[3, 4], offset=[2, 3], kind=TRADE))
    assert again.repeated.offset.tolist() == [2]
    assert count(buffer.finish()) == 4


def test_an_idle_lane_holds_the_watermark_and_a_heartbeat_moves_it() -> None:
    buffer = ReorderBuffer(BOUND, n_lanes=2)
    out = buffer.push(ticks_of(2, ts_event=[5_000, 9_000], offset=[0, 1], kind=TRADE))
    assert count(out.released) == 0
    out = buffer.push(ticks_of(1, ts_event=7_000, lane=1, kind=HEARTBEAT))
    assert out.released.ts_event.tolist() == [5_000]
    assert buffer.watermark == 6_000


def test_a_snapshot_between_pushes_changes_nothing() -> None:
    ticks = arrivals(5, 500, 2)
    whole, _ = run(ticks, 2, [250])
    buffer = ReorderBuffer(BOUND, 2)
    first = buffer.push(take(ticks, slice(0, 250))).released
    fresh = ReorderBuffer(BOUND, 2)
    fresh.restore(buffer.snapshot())
    second = fresh.push(take(ticks, slice(250, 500))).released
    np.testing.assert_array_equal(concat([first, second, fresh.finish()]).offset, whole.offset)


def test_a_lagging_lane_cannot_grow_the_buffer_without_end() -> None:
    buffer = ReorderBuffer(BOUND, n_lanes=2, capacity=100)
    for k in range(10):
        buffer.push(ticks_of(10, ts_event=np.arange(10) + 10 * k, offset=np.arange(10) + 10 * k, kind=TRADE))
    more = ticks_of(10, ts_event=np.arange(10) + 100, offset=np.arange(10) + 100, kind=TRADE)
    with pytest.raises(BufferOverflow, match=r"lane 1.*at most 100.*heartbeats"):
        buffer.push(more)


def test_other_lanes_are_refused_on_restore() -> None:
    with pytest.raises(ValueError, match="3 lanes, this run 2"):
        ReorderBuffer(BOUND, 2).restore(ReorderBuffer(BOUND, 3).snapshot())


def test_an_end_where_nothing_waits_moves_no_watermark() -> None:
    """A publisher's last heartbeat has released all: a replay that ends goes no further than a live flow."""
    buffer = ReorderBuffer(BOUND)
    buffer.push(ticks_of(1, ts_event=10_000, kind=TRADE))
    released = buffer.push(ticks_of(1, ts_event=10_000 + BOUND + 1, kind=HEARTBEAT, offset=1)).released
    assert (count(released), buffer.watermark) == (1, 10_001)
    buffer.finish()
    assert buffer.watermark == 10_001
