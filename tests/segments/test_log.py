"""The segment log: whole after a crash at any byte, one writer, readers that follow it, damage that is named."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataflows.segments.errors import DamagedLog, LogUnavailable, RecordsRemoved
from dataflows.segments.frames import HEADER, STATE, segments_of
from dataflows.segments.reader import LaneReader
from dataflows.segments.writer import Policy, SegmentWriter
from dataflows.sources.errors import OtherLog
from tests.ops.commands import clean_environment

SMALL = Policy(sync_ms=-1, segment_bytes=400)


def body(k: int) -> bytes:
    return f"message {k} ".encode() * (k % 7 + 1)


def written(folder: Path, n: int, policy: Policy = SMALL, first: int = 0) -> None:
    writer = SegmentWriter(folder, policy)
    for k in range(first, first + n):
        writer.append([body(k)])
    writer.close()


def bodies(reader: LaneReader) -> list[bytes]:
    found = []
    while frames := reader.read(100):
        found += [frame.body for frame in frames]
    return found


def test_what_was_written_is_read_in_order_over_all_segments(tmp_path: Path) -> None:
    written(tmp_path, 50)
    assert len(segments_of(tmp_path)) > 3
    assert bodies(LaneReader(tmp_path)) == [body(k) for k in range(50)]


def test_a_reader_follows_the_writer(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, SMALL)
    writer.append([body(0)])
    reader, seen = LaneReader(tmp_path), []
    dice = random.Random(5)
    for k in range(1, 200):
        writer.append([body(k)] if k % 2 else [body(k), b""])
        if dice.random() < 0.5:
            seen += [frame.body for frame in reader.read(dice.choice([1, 50, 1000])) if frame.body]
    seen += [found for found in bodies(reader) if found]
    assert seen == [body(k) for k in range(200)]
    assert reader.read() == []
    writer.close()


def test_what_is_written_while_a_reader_looks_for_the_next_segment_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SegmentWriter(tmp_path, SMALL)
    writer.append([body(0)])
    reader = LaneReader(tmp_path)
    assert len(reader.read()) == 1
    looks, n = reader._following, 1

    def written_meanwhile() -> int | None:
        nonlocal n
        first = segments_of(tmp_path)
        while n < 40 and segments_of(tmp_path) == first:
            writer.append([body(n)])
            n += 1
        return looks()

    monkeypatch.setattr(reader, "_following", written_meanwhile)
    seen = bodies(reader)
    assert seen == [body(k) for k in range(1, n)]
    assert n == 40
    writer.close()


def test_a_segment_is_found_by_the_folders_change_however_long_ago(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, SMALL)
    writer.append([body(0)])
    reader = LaneReader(tmp_path)
    os.utime(tmp_path, (1000, 1000))
    assert len(bodies(reader)) == 1
    for k in range(1, 30):
        writer.append([body(k)])
    os.utime(tmp_path, (2000, 2000))
    assert bodies(reader) == [body(k) for k in range(1, 30)]
    writer.close()


def test_a_torn_end_is_cut_wherever_it_was_torn(tmp_path: Path) -> None:
    whole = Policy(sync_ms=-1)
    written(tmp_path, 3, whole)
    (_, path), = segments_of(tmp_path)  # fmt: skip
    two = path.stat().st_size
    written(tmp_path, 1, whole, first=3)
    data = path.read_bytes()
    for size in range(two, len(data)):
        path.write_bytes(data[:size])
        reader = LaneReader(tmp_path)
        assert len(reader.read()) == 3  # a reader takes no half of a record
        writer = SegmentWriter(tmp_path, whole)
        assert (writer.cut_bytes, writer.next_offset) == (size - two, 3)
        writer.append([b"again"])
        assert [frame.body for frame in reader.read()] == [b"again"]
        writer.close()


def test_damage_before_the_end_is_not_taken_for_a_torn_end(tmp_path: Path) -> None:
    written(tmp_path, 6, Policy(sync_ms=-1))
    (_, path), = segments_of(tmp_path)  # fmt: skip
    data = bytearray(path.read_bytes())
    data[HEADER.size + 60] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedLog, match="whole records follow at byte"):
        SegmentWriter(tmp_path)
    assert path.read_bytes() == data  # nothing was cut


def test_damage_in_an_older_segment_is_named_by_the_reader(tmp_path: Path) -> None:
    written(tmp_path, 50)
    path = segments_of(tmp_path)[1][1]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedLog, match=path.name):
        bodies(LaneReader(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000000.segment").write_bytes(b"something else altogether, and long enough for a header")
    with pytest.raises(DamagedLog, match="something else"):
        SegmentWriter(tmp_path)
    with pytest.raises(DamagedLog, match="something else"):
        LaneReader(tmp_path)


def test_there_is_one_writer(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    with pytest.raises(LogUnavailable, match=f"process {os.getpid()} writes it"):
        SegmentWriter(tmp_path)
    writer.close()
    SegmentWriter(tmp_path).close()


def test_nothing_to_read_yet_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match="start undertone ingest"):
        LaneReader(tmp_path / "none")


@pytest.mark.parametrize("chunk", [1, 100, 10_000])
def test_a_position_is_exact_to_the_record(chunk: int, tmp_path: Path) -> None:
    written(tmp_path, 60)
    reader, seen = LaneReader(tmp_path), 0
    while frames := reader.read(chunk):
        seen += len(frames)
        other = LaneReader(tmp_path)
        other.seek(reader.place())
        assert bodies(other) == [body(k) for k in range(seen, 60)]
    assert seen == 60


def test_a_position_in_another_log_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "a", 60)
    written(tmp_path / "b", 60)
    reader = LaneReader(tmp_path / "a")
    reader.read(100)
    with pytest.raises(OtherLog, match="another log"):
        LaneReader(tmp_path / "b").seek(reader.place())


def test_a_position_behind_lost_records_is_refused(tmp_path: Path) -> None:
    """Power went before the log was synced: what the dataflow had read is gone, and other records take its place."""
    written(tmp_path, 5, Policy(sync_ms=-1))
    reader = LaneReader(tmp_path)
    bodies(reader)
    place = reader.place()
    (_, path), = segments_of(tmp_path)  # fmt: skip
    os.truncate(path, place["last_at"])
    with pytest.raises(OtherLog, match="power"):
        LaneReader(tmp_path).seek(place)
    written(tmp_path, 3, Policy(sync_ms=-1), first=70)
    with pytest.raises(OtherLog, match="power"):
        LaneReader(tmp_path).seek(place)


def test_retention_by_size_keeps_the_newest_and_readers_are_told(tmp_path: Path) -> None:
    written(tmp_path, 60, Policy(sync_ms=-1, segment_bytes=400))
    slow = LaneReader(tmp_path)
    first = slow.read(1)
    place = slow.place()
    writer = SegmentWriter(tmp_path, Policy(sync_ms=-1, segment_bytes=400, keep_bytes=1500))
    for k in range(60, 100):
        writer.append([body(k)])
    sizes = [path.stat().st_size for _, path in segments_of(tmp_path)]
    assert sum(sizes[:-1]) <= 1500
    rest = bodies(LaneReader(tmp_path))
    assert rest == [body(k) for k in range(100 - len(rest), 100)]
    assert len(first) == 1
    with pytest.raises(RecordsRemoved, match=r"ingest\.keep_mb"):
        bodies(slow)
    with pytest.raises(RecordsRemoved, match="the log begins with record"):
        LaneReader(tmp_path).seek(place)
    writer.close()


def test_retention_by_age_counts_from_the_last_write(tmp_path: Path) -> None:
    written(tmp_path, 60)
    old = segments_of(tmp_path)
    for _, path in old[:2]:
        os.utime(path, (time.time() - 7200, time.time() - 7200))
    SegmentWriter(tmp_path, Policy(keep_s=3600)).close()
    assert segments_of(tmp_path) == old[2:]


def test_each_segment_begins_with_the_writers_state(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, SMALL)
    writer.state = lambda: b"state"
    for k in range(30):
        writer.append([body(k)])
    tail = writer.tail()
    assert (tail[0].kind, tail[0].body) == (STATE, b"state")
    assert bodies(LaneReader(tmp_path)) == [body(k) for k in range(30)]  # a reader doesn't see it
    writer.close()


def test_a_segment_that_was_being_made_is_made_anew(tmp_path: Path) -> None:
    written(tmp_path, 5)
    (tmp_path / "00000000000000000005.part").write_bytes(b"half")
    written(tmp_path, 5, first=5)
    assert bodies(LaneReader(tmp_path)) == [body(k) for k in range(10)]


def test_syncing_follows_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced, now = [], [10**18]
    monkeypatch.setattr(os, "fdatasync", synced.append)
    writer = SegmentWriter(tmp_path, Policy(sync_ms=50), clock=lambda: now[0])
    writer.append([b"a"])
    writer.sync_if_due()
    assert synced == []
    now[0] += 51_000_000
    writer.sync_if_due()
    writer.sync_if_due()
    assert len(synced) == 1
    writer.close()
    at_once = SegmentWriter(tmp_path, Policy(sync_ms=0))
    at_once.append([b"b"])
    assert len(synced) == 3
    at_once.close()


def test_a_full_disk_leaves_whole_records_and_says_so(tmp_path: Path) -> None:
    """The file may not grow beyond 2000 bytes: the write that would is undone."""
    program = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from dataflows.segments.writer import Policy, SegmentWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "writer = SegmentWriter(Path(sys.argv[1]), Policy(sync_ms=-1))\n"
        "for k in range(100):\n"
        "    writer.append([b'x' * 150])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, tmp_path], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert "LogUnavailable" in ran.stderr
    assert "make room" in ran.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2000
    assert len(LaneReader(tmp_path).read()) == 11
    writer = SegmentWriter(tmp_path)
    assert writer.cut_bytes == 0
    writer.close()


def test_kill_at_any_moment_leaves_a_log_that_goes_on(tmp_path: Path) -> None:
    """kill -9 while it writes as fast as it can, eight times: what was acknowledged is there, in order, once."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from dataflows.segments.writer import Policy, SegmentWriter\n"
        "writer = SegmentWriter(Path(sys.argv[1]), Policy(sync_ms=-1, segment_bytes=20_000))\n"
        "while True:\n"
        "    k = writer.next_offset\n"
        "    writer.append([f'{k + j} '.encode() * 40 for j in range(3)])\n"
        "    sys.stdout.write(f'{writer.next_offset}\\n'); sys.stdout.flush()\n"
    )
    dice = random.Random(3)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", program, tmp_path], env=clean_environment(), stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        acknowledged = [int(line) for line in process.stdout.read().split() if line.isdecimal()]
        process.wait()
        process.stdout.close()
        found = bodies(LaneReader(tmp_path))
        assert found == [f"{k} ".encode() * 40 for k in range(len(found))]
        assert len(found) >= max(acknowledged, default=0) - 3  # the last number may have been torn in the pipe
    assert len(segments_of(tmp_path)) > 1
