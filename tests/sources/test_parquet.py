"""Parquet files: what is read, and what is refused before anything is read."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflows.sources.errors import BadFile
from dataflows.sources.files import FileSource
from schema.ticks import QUOTE, TRADE, UNKNOWN_KIND
from tests.sources.reading import MIDNIGHT, assert_same, joined, parquet, read, table

DAYS = {"2013-10-07": 1_196_117, "2013-10-08": 1_524_073, "2013-10-09": 1_698_832}


def test_every_cell_arrives_in_its_field(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", n=4, side=pa.array([1, -1, 0, None]), sequence=pa.array([5, 6, None, 8]))
    ticks, names, malformed, unknown = joined(read(FileSource([path])))
    assert names == ["BB", "AAA", "AAA", "BB"]
    assert ticks.ts_event.tolist() == [MIDNIGHT + k * 1_000_000 for k in range(4)]
    assert ticks.ts_recv.tolist() == ticks.ts_event.tolist()
    assert ticks.kind.tolist() == [TRADE, QUOTE, TRADE, QUOTE]
    assert ticks.price.tolist()[::2] == [100.0, 100.02]
    assert np.isnan(ticks.price[1::2]).all()
    assert np.isnan(ticks.bid[::2]).all()
    assert ticks.ask[1::2].tolist() == [100.0 + 0.01 + 0.01, 100.03 + 0.01]
    assert ticks.ask_size[1::2].tolist() == [300.0, 300.0]
    assert ticks.side.tolist() == [1, -1, 0, 0]
    assert ticks.sequence.tolist() == [5, 6, -1, 8]
    assert ticks.offset.tolist() == [0, 1, 2, 3]
    assert (malformed, unknown) == ({}, {})


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ms", "Europe/Zurich"), pa.timestamp("us"), pa.timestamp("ns"), pa.int64()]
)
def test_times_of_any_unit_and_zone_are_ns_utc(tmp_path: Path, kind: pa.DataType) -> None:
    seconds = [datetime(2013, 10, 7, 8, 0, k, tzinfo=UTC) for k in range(3)]
    expected = [int(second.timestamp()) * 1_000_000_000 for second in seconds]
    column = pa.array(expected, pa.int64()) if kind == pa.int64() else pa.array(seconds, pa.timestamp("s")).cast(kind)
    path = parquet(tmp_path / "a.parquet", n=3, ts=None, ts_event=column)
    assert joined(read(FileSource([path])))[0].ts_event.tolist() == expected


def test_numbers_and_texts_of_other_types_are_the_same_ticks(tmp_path: Path) -> None:
    usual = table(8)
    other = usual.set_column(4, "size", usual["size"].cast(pa.int32()))
    other = other.set_column(1, "symbol", usual["symbol"].cast(pa.large_string()))
    other = other.set_column(2, "kind", usual["kind"].dictionary_encode())
    pq.write_table(usual, tmp_path / "usual.parquet")
    pq.write_table(other.append_column("venue", pa.array(["N"] * 8)), tmp_path / "other.parquet")
    assert_same(read(FileSource([tmp_path / "usual.parquet"])), read(FileSource([tmp_path / "other.parquet"])))


def test_an_unknown_kind_keeps_the_text_found(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", n=3, kind=pa.array(["trade", "auction", None]))
    ticks, _, _, unknown = joined(read(FileSource([path])))
    assert ticks.kind.tolist() == [TRADE, UNKNOWN_KIND, UNKNOWN_KIND]
    assert unknown == {1: "'auction'", 2: "''"}


def test_an_unreadable_side_is_malformed(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", n=3, side=pa.array(["buy", "left", "Sell"]))
    ticks, _, malformed, _ = joined(read(FileSource([path])))
    assert ticks.side.tolist() == [1, 0, -1]
    assert malformed == {1: "side='left'"}


def test_arrays_can_be_written_to(tmp_path: Path) -> None:
    """A read-only array is another type to numba, and every kernel would be compiled twice."""
    (arrivals,) = read(FileSource([parquet(tmp_path / "a.parquet", symbol=pa.array(["A"] * 10))]))
    assert all(column.flags.writeable and column.flags.c_contiguous for column in arrivals.ticks)


@pytest.mark.parametrize(
    ("column", "values", "found"),
    [
        ("price", pa.array(["1.0"] * 10), "'price' of type string"),
        ("ts", pa.array([1.5] * 10), "'ts' of type double"),
        ("symbol", pa.array(range(10)), "'symbol' of type int64"),
        ("sequence", pa.array([0.5] * 10), "'sequence' of type double"),
    ],
)
def test_a_column_of_the_wrong_type_is_named(tmp_path: Path, column: str, values: pa.Array, found: str) -> None:
    path = parquet(tmp_path / "wrong.parquet", **{column: values})
    with pytest.raises(BadFile, match=found) as error:
        FileSource([path])
    assert str(path) in str(error.value)
    assert "expected" in str(error.value)


@pytest.mark.parametrize("column", ["ts", "symbol", "kind", "price", "size", "bid", "bid_size", "ask", "ask_size"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    path = parquet(tmp_path / "short.parquet", **{column: None})
    with pytest.raises(BadFile, match=rf"short\.parquet.*without \['{column}"):
        FileSource([path])


@pytest.mark.parametrize("keep", [0, 3, 4, 100, 0.5, -1])
def test_a_truncated_file_is_refused_before_reading(tmp_path: Path, keep: float) -> None:
    whole = parquet(tmp_path / "whole.parquet", n=1000).read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    with pytest.raises(BadFile, match=r"cut\.parquet: found"):
        FileSource([parquet(tmp_path / "good.parquet"), path])


def test_damaged_data_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = parquet(tmp_path / "damaged.parquet", n=5000)
    content = bytearray(path.read_bytes())
    content[4:4000] = bytes(3996)
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"damaged\.parquet"):
        read(FileSource([path]))


def test_what_is_no_file_of_ticks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("hello world")
    (tmp_path / "ticks.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    for path, found in [
        (tmp_path / "nowhere.parquet", "no such file"),
        (tmp_path, "a directory"),
        (tmp_path / "text.parquet", "begins with b'hell'"),
        (tmp_path / "ticks.csv.gz", "decompress"),
    ]:
        with pytest.raises(BadFile, match=found):
            FileSource([path])
    with pytest.raises(ValueError, match="no files of ticks given"):
        FileSource([])


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    usual = table(3)
    pq.write_table(usual.append_column("price", usual["price"]), tmp_path / "twice.parquet")
    with pytest.raises(BadFile, match=r"\['price'\] more than once"):
        FileSource([tmp_path / "twice.parquet"])


def test_a_file_without_rows_is_read_and_passed(tmp_path: Path) -> None:
    empty, full = parquet(tmp_path / "empty.parquet", n=0), parquet(tmp_path / "full.parquet", n=6)
    ticks = joined(read(FileSource([empty, full, empty])))[0]
    assert ticks.offset.tolist() == list(range(6))


@pytest.mark.real
@pytest.mark.parametrize("day", DAYS)
def test_a_real_day_is_read_completely(day: str) -> None:
    folder = os.environ.get("UNDERTONE_DATA")
    if not folder:
        pytest.skip("UNDERTONE_DATA names no folder with the recorded days")
    path = Path(folder) / f"us-equities-{day}.parquet"
    rows, prices = 0, 0.0
    for arrivals in read(FileSource([path])):
        assert arrivals.ticks.offset[0] == rows
        rows += len(arrivals.ticks.kind)
        prices += float(np.nansum(arrivals.ticks.price))
        assert not arrivals.malformed
        assert not arrivals.unknown_kinds
    assert rows == DAYS[day]
    column = pq.read_table(path, columns=["price"])["price"].to_numpy()
    assert prices == pytest.approx(float(np.nansum(column)), rel=1e-12)
