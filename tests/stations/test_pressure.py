"""Back-pressure of the reorder buffer: leading lanes are held, never the one that the others wait for."""

from __future__ import annotations

import numpy as np
import pytest

from dataflows.stations import pressure
from dataflows.stations.pressure import Pressure
from features.ordering import ReorderBuffer
from schema.ticks import QUOTE, Ticks, count, ticks_of

SECOND = 1_000_000_000
START = 1_381_190_400 * SECOND


def ticks(lane: int, first: int, n: int) -> Ticks:
    seconds = np.arange(first, first + n)
    return ticks_of(n, ts_event=START + seconds * SECOND, kind=QUOTE, lane=lane, offset=seconds)


def test_lanes_ahead_are_held_from_half_full_and_let_go_below_a_quarter() -> None:
    buffer = ReorderBuffer(SECOND, n_lanes=3, capacity=100)
    held = Pressure(buffer).held
    buffer.push(ticks(0, 0, 50))
    assert held().tolist() == [False, False, False]
    buffer.push(ticks(0, 50, 1))
    assert held().tolist() == [True, False, False]
    buffer.push(ticks(1, 0, 10))
    assert held().tolist() == [True, True, False]
    buffer.push(ticks(2, 0, 31))  # lane 1 is the last now
    assert held().tolist() == [True, False, True]
    buffer.push(ticks(1, 10, 40))
    assert 25 < count(buffer.waiting) <= 50
    assert held().tolist() == [True, False, False]  # ahead, and held before; lane 1 is ahead of lane 2 but was read
    buffer.push(ticks(2, 31, 30))
    assert count(buffer.waiting) <= 25
    assert held().tolist() == [False, False, False]


@pytest.mark.parametrize("seed", range(20))
def test_a_backlog_is_drained_whatever_its_skew(seed: int) -> None:
    """A source gives the lanes one after the other, and obeys: nothing overflows, nothing stands still."""
    rng = np.random.default_rng(seed)
    lanes, capacity = 4, 400
    left = [ticks(lane, 0, int(rng.integers(500, 600))) for lane in range(lanes)]
    buffer = ReorderBuffer(SECOND, lanes, capacity)
    held, released = Pressure(buffer).held, 0
    for _ in range(2000):
        mask = held()
        open_lanes = [lane for lane in range(lanes) if count(left[lane]) and not mask[lane]]
        if not open_lanes:
            break
        lane, n = open_lanes[0], int(rng.integers(1, capacity // 8))
        now, left[lane] = (Ticks._make(c[:n] for c in left[lane]), Ticks._make(c[n:] for c in left[lane]))
        released += count(buffer.push(now).released)
    assert max(count(rest) for rest in left) < 200, "only lanes ahead of one that has ended may be left"
    assert released > 1500


def test_a_lane_that_stands_still_is_named_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ops import log

    log.configure("warning", json_lines=True)
    now = [0.0]
    buffer = ReorderBuffer(SECOND, n_lanes=2, capacity=10)
    held = Pressure(buffer, lambda: now[0]).held
    buffer.push(ticks(1, 0, 8))
    for now[0] in (1.0, 20.0):
        assert held().tolist() == [False, True]
        assert "lanes are held" not in capsys.readouterr().err
    now[0] = 1.0 + pressure._SAY_AFTER_S
    held()
    assert '"behind": 0' in capsys.readouterr().err
