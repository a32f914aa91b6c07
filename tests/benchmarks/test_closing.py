"""Which event closes a bar, and latencies against a simulated system whose delays are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.live.closing import closing_due, closing_together, latencies, percentiles

BOUND = 100_000_000
SECOND = 1_000_000_000


def feed(seconds: float, lanes: int = 2, slice_ns: int = 5_000_000, seed: int = 1) -> dict[str, np.ndarray]:
    """A feed of one message a lane and slice, event times a little before they are due and not quite in order."""
    rng = np.random.default_rng(seed)
    due = np.repeat(np.arange(1, int(seconds * SECOND / slice_ns) + 1) * slice_ns, lanes)
    newest = due - rng.integers(0, 8_000_000, len(due))
    return {"due": due, "newest": newest, "lane": np.tile(np.arange(lanes), len(due) // lanes)}


def slowly_closing(sent: dict[str, np.ndarray], time: int) -> int:
    """The same by walking through the messages, one by one."""
    reached = dict.fromkeys(np.unique(sent["lane"]).tolist(), -1)
    for due, newest, lane in zip(*(sent[name].tolist() for name in ("due", "newest", "lane"))):
        reached[lane] = max(reached[lane], newest)
        if min(reached.values()) >= time + BOUND:
            return due
    return -1


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_the_closing_event_is_the_one_that_a_walk_finds(lanes: int) -> None:
    sent = feed(3.0, lanes)
    times = np.random.default_rng(2).integers(0, 4 * SECOND, 200)
    assert closing_due(sent, times, BOUND).tolist() == [slowly_closing(sent, time) for time in times.tolist()]


def test_a_stalled_system_is_charged_for_all_that_it_held_up() -> None:
    """One server that handles a bar time in 1 ms and stalls for 2 s in the middle: what was due meanwhile is late."""
    sent = feed(10.0)
    times = np.arange(1, 90) * (SECOND // 10)
    due = closing_due(sent, times, BOUND)
    free, stamps = 0, []
    for k, at in enumerate(due.tolist()):
        free = max(free, at) + 1_000_000 + (2 * SECOND if k == 40 else 0)
        stamps.append(free)
    heard = {"time": times, "sequence": np.arange(len(times)), "stamp": np.array(stamps)}
    found = latencies(sent, heard, 0, BOUND)
    late = found.from_due > 100
    assert 19 <= late.sum() <= 21  # ten bar times a second, two seconds of stall: a closed loop would show one
    assert found.from_due[~late].min() == pytest.approx(1.0)
    assert found.from_due.max() == pytest.approx(2001.0)
    assert found.from_end - found.from_due == pytest.approx((due - times) * 1e-6)
    assert found.missing == 0


def test_bars_before_the_feed_or_closed_behind_it_do_not_count() -> None:
    sent = feed(2.0)
    times = np.array([-SECOND, SECOND // 2, SECOND, 2 * SECOND])
    heard = {"time": times, "sequence": np.array([1, 2, 5, 6]), "stamp": times + SECOND}
    found = latencies(sent, heard, 0, BOUND)
    assert len(found.from_due) == 2
    assert found.missing == 2  # 3 and 4 never came


def test_bars_that_close_with_one_event_are_counted_together() -> None:
    sent = feed(5.0)
    times = np.repeat(np.arange(1, 4) * SECOND, (7, 1, 3))
    heard = {"time": times, "sequence": np.arange(len(times)), "stamp": times}
    assert closing_together(sent, heard, 0, BOUND).tolist() == [1, 3, 7]


def test_percentiles_are_those_of_the_sorted_values() -> None:
    took = np.random.default_rng(3).permutation(np.arange(1, 1002, dtype=float))
    found = percentiles(took)
    assert found is not None
    assert found == pytest.approx((1001, 501.0, 991.0, 1000.0, 1001.0))
    assert percentiles(np.empty(0)) is None
