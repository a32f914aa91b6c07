"""Scored items from files: merged by time, and refused with file, row, found and expected."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflows.sources.errors import BadFile
from dataflows.sources.items import read_items
from schema.items import NEWS, SOCIAL

HEADER = "ts_event,symbol,kind,score\n"


def written(folder: Path, text: str, name: str = "items.csv") -> Path:
    path = folder / name
    path.write_text(HEADER + text)
    return path


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    first = written(tmp_path, "30,A,news,0.5\n10,B,social,-1\n")
    second = tmp_path / "more.parquet"
    columns = {"ts_event": pa.array([20, 30], pa.timestamp("ns")), "symbol": ["B", "A"], "kind": ["news", "social"]}
    pq.write_table(pa.table({**columns, "score": [0.25, 1.0]}), second)
    log = read_items([first, second])
    assert log.items.ts_event.tolist() == [10, 20, 30, 30]
    assert [log.names[code] for code in log.items.symbol] == ["B", "B", "A", "A"]
    assert log.items.kind.tolist() == [SOCIAL, NEWS, NEWS, SOCIAL]
    assert log.items.score.tolist() == [-1.0, 0.25, 0.5, 1.0]
    assert log.feed.all()


def test_no_files_are_no_feed() -> None:
    assert not read_items([]).feed.any()


@pytest.mark.parametrize("row", ["10,A,rumour,0", "10,A,news,1.5", "10,A,news,", "0,A,news,0", "10,,news,0"])
def test_an_unreadable_item_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(BadFile, match=r"items\.csv: found .* in row 1, expected a time"):
        read_items([written(tmp_path, f"5,A,news,0.5\n{row}\n")])


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("ts_event,symbol,kind\n1,A,news\n")
    with pytest.raises(BadFile, match=r"without .*score"):
        read_items([path])


def test_another_content_is_another_log(tmp_path: Path) -> None:
    marks = {read_items([written(tmp_path, f"5,A,news,0.{digit}\n")]).fingerprint for digit in (1, 1, 2)}
    assert len(marks) == 2
