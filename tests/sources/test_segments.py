"""The segment log as a source: several lanes, positions, addresses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dataflows.ingest.target import SegmentTarget
from dataflows.segments.errors import LogUnavailable
from dataflows.segments.writer import Policy
from dataflows.sources.errors import OtherLog
from dataflows.sources.segments import LEAD_NS, SegmentSource, segments_path
from schema.events import Event, EventKind
from schema.ticks import HEARTBEAT, TRADE, count, ticks_of
from tests.sources.reading import MIDNIGHT, assert_same, joined, read

SECOND = 1_000_000_000


def lane(root: Path, name: str, first_s: int, n: int, every_ms: int = 100) -> None:
    """Write n trades, ten a message, a heartbeat behind each ten and one gap."""
    target = SegmentTarget(root, name, Policy(sync_ms=-1, segment_bytes=2_000))
    for start in range(0, n, 10):
        time = MIDNIGHT + first_s * SECOND + np.arange(start, start + 11) * every_ms * 1_000_000
        trade = np.arange(11) < 10
        ticks = ticks_of(
            11, ts_event=time, ts_recv=time + 5, kind=np.where(trade, TRADE, HEARTBEAT),
            symbol=np.where(trade, np.arange(11) % 2, -1), price=np.where(trade, 100.0, np.nan),
            size=np.where(trade, 1.0, np.nan), sequence=np.arange(start, start + 11),
        )  # fmt: skip
        events = [Event(int(time[0]), EventKind.GAP, f"{name}0", details={"end": int(time[1])})] if start == 50 else []
        target.write(ticks, (f"{name}0", f"{name}1"), events, [b'{"unreadable":1}'] if start == 20 else [])
    target.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lane(tmp_path, "x", 0, 500)
    lane(tmp_path, "y", 3, 300, 200)
    return tmp_path


@pytest.mark.parametrize("chunk_bytes", [1, 700, 1 << 20])
def test_chunks_change_nothing_within_a_lane(root: Path, chunk_bytes: int) -> None:
    for name in ("x", "y"):
        whole = read(SegmentSource(root, [name], follow=False))
        parts = read(SegmentSource(root, [name], follow=False, chunk_bytes=chunk_bytes))
        assert_same(parts, whole)
        assert [event for part in parts for event in part.events] == [e for part in whole for e in part.events]


def test_ticks_events_and_garbage_come_with_their_places(root: Path) -> None:
    source = SegmentSource(root, follow=False)
    assert source.lanes == ("x", "y")
    parts = read(source)
    ticks, names, malformed, _ = joined(parts)
    assert count(ticks) == 880 + 2
    assert len(malformed) == 2
    of_x = ticks.lane == 0
    assert set(np.array(names)[of_x]) == {"x0", "x1", ""}
    places = list(zip(ticks.lane.tolist(), ticks.offset.tolist(), ticks.index.tolist()))
    assert len(set(places)) == len(places)
    for number in (0, 1):
        own = [place for place in places if place[0] == number]
        assert own == sorted(own)
    events = [event for part in parts for event in part.events]
    assert {(event.lane, event.symbol) for event in events} == {(0, "x0"), (1, "y0")}
    assert source.origin(ticks.lane[:1], ticks.offset[:1])[0] == [f"segments:{source.lanes[ticks.lane[0]]}"]


def test_the_lane_that_is_behind_is_read_first(root: Path) -> None:
    source = SegmentSource(root, follow=False, chunk_bytes=1)
    reached = [MIDNIGHT, MIDNIGHT]
    for part in read(source):
        number = int(part.ticks.lane[0]) if count(part.ticks) else part.events[0].lane
        if count(part.ticks):
            reached[number] = max(reached[number], int(part.ticks.ts_recv.max()))
            both_go_on = max(reached) < MIDNIGHT + 50 * SECOND
            assert not both_go_on or max(reached) - min(reached) < 5 * SECOND


def test_a_lane_is_not_read_far_ahead_of_one_that_stands_still(tmp_path: Path) -> None:
    lane(tmp_path, "fast", 0, 3_000)
    lane(tmp_path, "slow", 0, 10)
    source = SegmentSource(tmp_path, chunk_bytes=1)
    parts = []
    while (part := source.next_batch()) is not None:
        parts.append(part)
    ticks = joined(parts)[0]
    newest = int(ticks.ts_event[ticks.lane == 0].max())
    assert LEAD_NS <= newest - (MIDNIGHT + SECOND) <= LEAD_NS + 3 * SECOND
    source.follow = False  # at the end of a finite log nothing is left behind
    assert sum(count(part.ticks) for part in [*parts, *read(source)]) == 3_300 + 11 + 1


@pytest.mark.parametrize("after", [1, 4, 20])
def test_a_position_is_gone_on_from(root: Path, after: int) -> None:
    whole, source = read(SegmentSource(root, follow=False, chunk_bytes=400)), None
    source = SegmentSource(root, follow=False, chunk_bytes=400)
    for _ in range(after):
        source.next_batch()
    again = SegmentSource(root, follow=False, chunk_bytes=400)
    again.seek(source.position())
    assert_same(read(again), whole[after:])


def test_a_position_of_other_lanes_is_refused(root: Path) -> None:
    position = SegmentSource(root).position()
    with pytest.raises(OtherLog, match=r"lanes=a,b"):
        SegmentSource(root, ["x"]).seek(position)


def test_a_log_that_is_not_there_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="start undertone ingest"):
        SegmentSource(tmp_path)


def test_addresses() -> None:
    assert segments_path("segments:///var/ticks") == (Path("var/ticks"), None)
    assert segments_path("segments:////data/ticks?lanes=a,b") == (Path("/data/ticks"), ("a", "b"))
    for wrong in ("segments:", "segments:///", "segments://host/path", "sqlite:///x"):
        with pytest.raises(ValueError, match="names no folder"):
            segments_path(wrong)
