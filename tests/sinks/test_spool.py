"""The spool: what is written is read again, whatever the process or the machine died of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataflows.sinks.columns import adopt
from dataflows.sinks.errors import StoreUnavailable
from dataflows.sinks.questdb import frames, spool
from dataflows.sinks.questdb.appending import Appending
from dataflows.sinks.questdb.merging import Part, cut, merged
from dataflows.sinks.questdb.progress import Progress
from dataflows.sinks.questdb.spool import Appender, Entry, Kind, records
from schema.tables import TABLES
from tests.sinks.rows import rows_of


def rows(number: int, n: int = 3) -> list[np.ndarray]:
    own, _ = adopt(TABLES["bars"], (), rows_of(TABLES["bars"], n, n * number))
    return frames.encode("bars", own, n)


def filled(folder: Path, batches: int, segment_bytes: int = 1 << 20) -> int:
    appender = Appender(folder, segment_bytes)
    for number in range(batches):
        appender.append(Kind.ROWS, number, rows(number))
        appender.append(Kind.COMMIT, number)
    appender.close()
    return appender.position


def commits(folder: Path, begin: int = 0) -> list[int]:
    end = Appender(folder).position
    return [record.sequence for record in records(folder, begin, end) if record.kind is Kind.COMMIT]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rows_come_out_of_a_frame_as_they_went_in(table: Any) -> None:
    own, n = adopt(table, ("a", "b"), rows_of(table, 5))
    if table.wide:
        own["values"] = np.array([[np.nan, -0.0]] * 5)
        own["validity"] = np.arange(10, dtype=np.uint8).reshape(5, 2)
    name, found, count = frames.decode(b"".join(part.tobytes() for part in frames.encode(table.name, own, n)))
    assert (name, count, found.keys()) == (table.name, 5, own.keys())
    for column, cells in own.items():
        same = found[column].tobytes() == cells.tobytes() if isinstance(cells, np.ndarray) else found[column] == cells
        assert same, column


def test_columns_of_every_size_and_width_come_out_of_a_frame_as_they_went_in() -> None:
    own = {
        "a": np.arange(9_001), "flags": np.arange(9_001, dtype=np.uint16), "b": np.arange(9_001) % 3 == 0,
        "text": ["é"] * 9_001, "c": np.arange(9_001) * 0.5, "why": np.arange(27_003, dtype=np.uint8).reshape(-1, 3),
    }  # fmt: skip
    words = frames.encode("bars", own, 9_001)
    _, found, n = frames.decode(b"".join(part.tobytes() for part in words))
    assert n == 9_001 and found["text"] == own["text"] and list(found) == list(own)
    for name in own.keys() - {"text"}:
        assert (found[name].dtype, found[name].tolist()) == (own[name].dtype, own[name].tolist()), name
    assert np.shares_memory(next(part for part in words if len(part) == 9_001), own["a"]), "large ones aren't copied"


def test_a_batch_is_written_at_once_when_it_is_committed_or_somebody_waits_for_it(tmp_path: Path) -> None:
    written: list[int] = []
    progress = Progress(tmp_path / "progress")
    appending = Appending(Appender(tmp_path), progress, lambda: written.append(progress.written))
    for number in range(3):
        appending.put(Entry(Kind.ROWS, 1, rows(number)))
    assert not written and not spool.segments(tmp_path), "no commit yet"
    appending.put(Entry(Kind.COMMIT, 1))
    committed = appending.position
    appending.put(Entry(Kind.ROWS, 2, rows(4)))
    appending.hand_over()
    appending.close()
    assert written == [committed, appending.position]
    kinds = [record.kind for record in records(tmp_path, 0, appending.position)]
    assert kinds == [Kind.ROWS] * 3 + [Kind.COMMIT, Kind.ROWS]


def test_parts_of_a_table_are_joined_in_order_and_cut_again() -> None:
    parts = [Part("bars", {"time": np.array([k]), "symbol": [str(k)]}, 1) for k in range(4)]
    parts.insert(2, Part("ticks", {"time": [7]}, 1))
    parts.append(Part("bars", {"time": np.array([9])}, 1))  # without a symbol: not of the same columns
    joined = merged(parts)
    assert [(part.table, part.n) for part in joined] == [("bars", 4), ("bars", 1), ("ticks", 1)]
    middle = cut(joined[0], 1, 3)
    assert (middle.own["time"].tolist(), middle.own["symbol"], middle.n) == ([1, 2], ["1", "2"], 2)


def test_segments_follow_each_other_and_go_once_they_are_shipped(tmp_path: Path) -> None:
    end = filled(tmp_path, 40, segment_bytes=4_000)
    assert len(spool.segments(tmp_path)) > 5 and commits(tmp_path) == list(range(40))
    half = next(record.end for record in records(tmp_path, 0, end) if record.sequence == 20)
    spool.forget(tmp_path, half)
    assert spool.segments(tmp_path)[0][0] <= half
    assert commits(tmp_path, half) == list(range(20, 40))
    spool.forget(tmp_path, end)
    assert len(spool.segments(tmp_path)) == 1, "the newest may be written to"


@pytest.mark.parametrize("lost", [1, 8, 40, 300])
def test_a_record_that_was_being_written_is_cut_off(tmp_path: Path, lost: int) -> None:
    end = filled(tmp_path, 5)
    (_, path) = spool.segments(tmp_path)[-1]
    os.truncate(path, end - lost)
    again = Appender(tmp_path)
    assert again.position < end
    again.append(Kind.COMMIT, 77)
    again.close()
    assert commits(tmp_path)[-1] == 77 and commits(tmp_path)[:-1] == list(range(len(commits(tmp_path)) - 1))


def test_what_a_power_cut_left_as_zeros_is_cut_off_with_all_behind_it(tmp_path: Path) -> None:
    filled(tmp_path, 40, segment_bytes=4_000)
    (start, path) = spool.segments(tmp_path)[3]
    with path.open("r+b") as file:
        file.seek(2_000)
        file.write(bytes(600))
    kept = commits(tmp_path)
    assert kept == list(range(len(kept))) and 0 < len(kept) < 40
    assert spool.segments(tmp_path)[-1] == (start, path)


def test_a_spool_that_somebody_emptied_is_noticed(tmp_path: Path) -> None:
    end = filled(tmp_path, 3)
    for _, path in spool.segments(tmp_path):
        path.unlink()
    with pytest.raises(StoreUnavailable, match="were its files removed"):
        list(records(tmp_path, 0, end))


def test_a_full_disk_is_named_and_leaves_whole_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appender = Appender(tmp_path)
    appender.append(Kind.ROWS, 1, rows(1))
    write = os.writev

    def torn(file: int, parts: list[Any]) -> int:
        write(file, parts[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "writev", torn)
    with pytest.raises(StoreUnavailable, match="No space left on device: make room"):
        appender.append(Kind.ROWS, 2, rows(2))
    monkeypatch.setattr(os, "writev", write)
    appender.append(Kind.COMMIT, 2)
    appender.close()
    assert commits(tmp_path) == [2]
