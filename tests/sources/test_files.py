"""Several files as one log: order, offsets, lanes, filters, and return to any row."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput
from dataflows.sources.errors import OtherLog
from dataflows.sources.files import FileSource
from schema.ticks import HEARTBEAT, count
from tests.sources.reading import MIDNIGHT, assert_same, csv, joined, parquet, read, table


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files with small row groups; the CSV has torn rows, bad cells and odd kinds."""
    folder = tmp_path_factory.mktemp("log")
    kinds = ["trade", "quote", "auction", "heartbeat"]
    first = parquet(folder / "first.parquet", n=150, rows=40, kind=pa.array([kinds[k % 4] for k in range(150)]))
    arrow_csv.write_csv(table(60), folder / "second.csv")
    lines = (folder / "second.csv").read_text().splitlines()
    lines[10], lines[30] = "torn,row", lines[30].replace(",", ",x,", 1).rsplit(",", 1)[0]
    (folder / "second.csv").write_text("\n".join(lines))
    late = pa.array(MIDNIGHT + 10**12 + np.arange(90) * 1_000_000, pa.timestamp("ns", "UTC"))
    return [first, folder / "second.csv", parquet(folder / "third.parquet", n=90, rows=50, ts=late)]


def test_offsets_count_rows_over_all_files_and_lead_back_to_them(log: list[Path]) -> None:
    source = FileSource(log, batch_size=7)
    ticks = joined(read(source))[0]
    assert ticks.offset.tolist() == list(range(300))
    assert source.files == [str(path) for path in log]
    names, lanes, rows = source.origin(np.zeros(4, np.int32), np.array([0, 149, 150, 299]))
    assert names == ["first.parquet", "first.parquet", "second.csv", "third.parquet"]
    assert (lanes.tolist(), rows.tolist()) == ([0] * 4, [0, 149, 0, 89])


FILTERS = {
    "none": {},
    "symbols": {"symbols": ["BB"]},
    "times": {"start_ns": MIDNIGHT + 37_000_000, "end_ns": MIDNIGHT + 111_000_000},
    "late": {"start_ns": MIDNIGHT + 10**12 + 60_000_000},
    "lanes": {"lanes": 3},
}


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(sorted(FILTERS)))
def test_returning_to_any_position_gives_the_same_stream(log: list[Path], data: st.DataObject, name: str) -> None:
    whole = read(FileSource(log, batch_size=1000, **FILTERS[name]))
    parts: list[Arrivals] = []
    source = FileSource(log, batch_size=data.draw(st.integers(1, 120)), **FILTERS[name])
    source.origin(np.zeros(0, np.int32), np.zeros(0, np.int64))
    while True:
        if data.draw(st.booleans()):
            position = json.loads(json.dumps(source.position()))
            source = FileSource(log, batch_size=data.draw(st.integers(1, 120)), **FILTERS[name])
            source.seek(position)
            assert source.position() == position
        try:
            parts.append(source.next_batch())
        except EndOfInput:
            break
    assert_same(parts, whole)


def test_an_offset_names_the_same_row_whatever_the_filters(log: list[Path]) -> None:
    ticks, names, _, _ = joined(read(FileSource(log)))
    expected = [k for k in range(300) if names[k] in ("BB", "") or ticks.kind[k] == HEARTBEAT]
    assert joined(read(FileSource(log, symbols=["BB"])))[0].offset.tolist() == expected
    start, end = MIDNIGHT + 37_000_000, MIDNIGHT + 111_000_000
    expected = [k for k in range(300) if start <= ticks.ts_event[k] < end or ticks.ts_event[k] == 0]
    assert joined(read(FileSource(log, start_ns=start, end_ns=end)))[0].offset.tolist() == expected


def test_a_late_start_skips_row_groups_and_nothing_else(log: list[Path]) -> None:
    source = FileSource(log, start_ns=MIDNIGHT + 10**12 + 60_000_000)
    ticks, _, malformed, _ = joined(read(source))
    assert [offset for offset in ticks.offset.tolist() if offset >= 210] == list(range(270, 300))
    assert list(malformed) == [0]  # a torn row has no time to filter by: it goes on to be refused
    assert source.origin(np.zeros(1), np.array([299]))[2].tolist() == [89]


def test_lanes_follow_the_symbols(log: list[Path]) -> None:
    source = FileSource(log, lanes=5)
    assert source.lanes == ("0", "1", "2", "3", "4")
    ticks, names, _, _ = joined(read(source))
    rows = ticks.index == 0
    expected = [zlib.crc32(name.encode()) % 5 if name else 0 for name, row in zip(names, rows) if row]
    assert ticks.lane[rows].tolist() == expected
    assert len(set(expected)) > 1


def test_every_lane_hears_of_each_new_second(log: list[Path]) -> None:
    ticks = joined(read(FileSource(log, lanes=5)))[0]
    beats = ticks.index == 1
    assert (ticks.kind[beats] == HEARTBEAT).all()
    assert np.isnan(ticks.price[beats]).all()
    assert ticks.lane[beats].tolist() == [0, 1, 2, 3, 4] * 2
    assert ticks.ts_event[beats].tolist() == [MIDNIGHT] * 5 + [MIDNIGHT + 10**12] * 5
    assert ticks.offset[beats].tolist() == [0] * 5 + [210] * 5
    for lane in range(5):
        shown = [(offset, index) for offset, index, of in zip(ticks.offset, ticks.index, ticks.lane) if of == lane]
        assert shown == sorted(set(shown))


def test_an_impossible_time_makes_no_heartbeat(tmp_path: Path) -> None:
    times = pa.array([MIDNIGHT, (1 << 63) - 1, -5, MIDNIGHT + 10**9])
    ticks = joined(read(FileSource([parquet(tmp_path / "a.parquet", n=4, ts=times)], lanes=2, batch_size=1)))[0]
    assert ticks.ts_event[ticks.index == 1].tolist() == [MIDNIGHT] * 2 + [MIDNIGHT + 10**9] * 2


def test_recorded_lanes_are_kept_where_lanes_are_asked_for(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", n=4, partition=pa.array([1, 0, 2, -1]))
    ticks, _, malformed, _ = joined(read(FileSource([path], lanes=2)))
    assert ticks.lane[ticks.index == 0].tolist() == [1, 0, 0, 0]
    assert ticks.offset[list(malformed)].tolist() == [2, 3]
    assert joined(read(FileSource([path])))[0].lane.tolist() == [0] * 4


def test_another_log_is_not_returned_to(log: list[Path], tmp_path: Path) -> None:
    source = FileSource(log)
    source.next_batch()
    position = source.position()
    changed = tmp_path / "third.parquet"
    pq.write_table(table(89), changed)
    for others in ([*log[:2], changed], log[:2], log[::-1]):
        with pytest.raises(OtherLog, match=r"third\.parquet|second\.csv"):
            FileSource(others).seek(position)


def test_a_csv_changed_in_its_middle_bytes_by_length_is_another_log(tmp_path: Path) -> None:
    source = FileSource([csv(tmp_path / "a.csv", "1,A,trade,1,1,,,,,,,")])
    position = source.position()
    csv(tmp_path / "a.csv", "1,B,trade,1,1,,,,,,,")
    with pytest.raises(OtherLog):
        FileSource([tmp_path / "a.csv"]).seek(position)


def test_the_end_stays_the_end(log: list[Path]) -> None:
    source = FileSource(log)
    read(source)
    for _ in range(2):
        with pytest.raises(EndOfInput):
            source.next_batch()
    twin = FileSource(log)
    twin.seek(source.position())
    with pytest.raises(EndOfInput):
        twin.next_batch()
    source.close()
    source.close()


def test_the_same_names_are_the_same_object(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", n=90, rows=30)
    parts = read(FileSource([path, path], batch_size=10))
    assert sum(count(part.ticks) for part in parts) == 180
    assert len({id(part.names) for part in parts}) == 1


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"lanes": 0}])
def test_settings_that_make_no_sense_are_refused(log: list[Path], wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FileSource(log, **wrong)  # type: ignore[arg-type]


def test_time_that_goes_back_between_batches_makes_no_second_heartbeat(tmp_path: Path) -> None:
    times = pa.array([MIDNIGHT + 10**9, MIDNIGHT, MIDNIGHT + 10**9, MIDNIGHT + 2 * 10**9])
    path = parquet(tmp_path / "a.parquet", n=4, ts=times)
    for batch_size in (1, 4):
        ticks = joined(read(FileSource([path], lanes=2, batch_size=batch_size)))[0]
        assert ticks.offset[ticks.index == 1].tolist() == [0, 0, 3, 3]
