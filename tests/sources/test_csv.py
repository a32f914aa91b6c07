"""CSV files: good cells are read, bad ones are named, and the rest goes on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.sources.block import Place
from dataflows.sources.csv import CsvLog, last_line_end
from dataflows.sources.errors import BadFile
from dataflows.sources.files import FileSource
from schema.ticks import HEARTBEAT, QUOTE, TRADE, UNKNOWN_KIND
from tests.sources.reading import HEADER, MIDNIGHT, assert_same, csv, joined, parquet, read

TRADE_ROW = "2013-10-07T00:00:01Z,AAA,trade,1.5,10,,,,,,,"


def test_every_cell_arrives_in_its_field(tmp_path: Path) -> None:
    path = csv(
        tmp_path / "a.csv",
        "2013-10-07T00:00:00.000000001Z,AAA,trade,1.25,10,,,,,2013-10-07T00:00:01Z,buy,7",
        "2013-10-07 00:00:02,BB,quote,,,1.5,2,2.5,3,,,",
        f"{MIDNIGHT},,heartbeat,,,,,,,,-1,",
    )
    ticks, names, malformed, unknown = joined(read(FileSource([path])))
    assert (malformed, unknown) == ({}, {})
    assert names == ["AAA", "BB", ""]
    assert (ticks.ts_event - MIDNIGHT).tolist() == [1, 2_000_000_000, 0]
    assert (ticks.ts_recv - MIDNIGHT).tolist() == [1_000_000_000, 2_000_000_000, 0]
    assert ticks.kind.tolist() == [TRADE, QUOTE, HEARTBEAT]
    assert ticks.side.tolist() == [1, 0, -1]
    assert ticks.sequence.tolist() == [7, -1, -1]
    assert (ticks.price[0], ticks.size[0]) == (1.25, 10.0)
    assert (ticks.bid[1], ticks.bid_size[1], ticks.ask[1], ticks.ask_size[1]) == (1.5, 2.0, 2.5, 3.0)
    assert np.isnan(ticks.price[1:]).all()


def test_a_csv_is_the_same_ticks_as_the_parquet_it_was_made_of(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", n=5000)
    arrow_csv.write_csv(pq.read_table(path), tmp_path / "a.csv")
    assert_same(read(FileSource([tmp_path / "a.csv"])), read(FileSource([path])))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("2013-10-07T00:00:01Z,AAA,trade,abc,10,,,,,,,", "price='abc'"),
        ("yesterday,AAA,trade,1.5,10,,,,,,,", "ts='yesterday'"),
        ("2013-02-30T00:00:01Z,AAA,trade,1.5,10,,,,,,,", "ts='2013-02-30T00:00:01Z'"),
        ("2013-10-07T00:00:01Z,AAA,quote,,,1,x,2,y,,,", "bid_size='x', ask_size='y'"),
        ("2013-10-07T00:00:01Z,AAA,trade,1.5,10,,,,,,,1e3", "sequence='1e3'"),
        ("2013-10-07T00:00:01Z,AAA,trade,1.5,10,,,,,,up,", "side='up'"),
        ("2013-10-07T00:00:01Z,AAA,trade,\xff,10,,,,,,,", "price='\xff'"),
        ("2013-10-07T00:00:01Z,AAA", "2 cells where the header has 12: '2013-10-07T00:00:01Z,AAA'"),
        (TRADE_ROW + ",,", f"14 cells where the header has 12: '{TRADE_ROW},,'"),
    ],
)
def test_a_bad_cell_makes_its_row_malformed_and_the_rest_goes_on(tmp_path: Path, row: str, found: str) -> None:
    path = csv(tmp_path / "a.csv", TRADE_ROW, row, TRADE_ROW, TRADE_ROW)
    ticks, _, malformed, _ = joined(read(FileSource([path])))
    assert malformed == {1: found}
    assert ticks.offset.tolist() == [0, 1, 2, 3]
    assert ticks.price[[0, 2, 3]].tolist() == [1.5] * 3
    assert len(set(ticks.ts_event[[0, 2, 3]].tolist())) == 1


def test_a_truncated_last_line_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}\n{TRADE_ROW}\n2013-10-07T00:00:02Z,AAA,tr")
    ticks, _, malformed, _ = joined(read(FileSource([path])))
    assert ticks.kind.tolist() == [TRADE, UNKNOWN_KIND]
    assert malformed == {1: "3 cells where the header has 12: '2013-10-07T00:00:02Z,AAA,tr'"}


def test_a_quoted_line_end_is_part_of_its_cell(tmp_path: Path) -> None:
    header = HEADER + ",venue"
    rows = [f'{TRADE_ROW},"N\nY, {k}"' if k % 2 else f"{TRADE_ROW},NYSE" for k in range(40)]
    path = csv(tmp_path / "a.csv", *rows, '2013-10-07T00:00:02Z,"A\nB",trade,2.5,1,,,,,,,,', header=header)
    ticks, names, malformed, _ = joined(read(FileSource([path])))
    assert malformed == {}
    assert ticks.offset.tolist() == list(range(41))
    assert names == ["AAA"] * 40 + ["A\nB"]


def test_an_unclosed_quote_costs_its_own_line(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", TRADE_ROW, '2013-10-07T00:00:01Z,"AAA,trade,1,1,,,,,,,', TRADE_ROW, TRADE_ROW)
    ticks, _, malformed, _ = joined(read(FileSource([path])))
    assert list(malformed) == [1]
    assert ticks.price[[0, 2, 3]].tolist() == [1.5] * 3
    assert ticks.offset.tolist() == [0, 1, 2, 3]


def test_line_ends_marks_and_spaces_of_other_systems(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", TRADE_ROW, "", TRADE_ROW.replace("1.5", " 1.5 "), "", "", end="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    ticks, _, malformed, _ = joined(read(FileSource([path])))
    assert malformed == {}
    assert ticks.price.tolist() == [1.5, 1.5]


def test_unknown_kinds_keep_their_text_beside_torn_rows(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", "torn", TRADE_ROW, TRADE_ROW.replace("trade", "auction"), "torn", TRADE_ROW)
    ticks, _, malformed, unknown = joined(read(FileSource([path])))
    assert set(malformed) == {0, 3}
    assert unknown == {2: "'auction'"}
    assert ticks.kind.tolist() == [UNKNOWN_KIND, TRADE, UNKNOWN_KIND, UNKNOWN_KIND, TRADE]


def test_chunks_of_any_size_give_the_same_rows(tmp_path: Path) -> None:
    rows = [TRADE_ROW.replace("1.5", str(k)) if k % 7 else "torn,row" for k in range(1, 60)]
    rows[20] = TRADE_ROW + ',"x\ny"'
    path = csv(tmp_path / "a.csv", *rows)
    whole = [text for _, text in sorted(joined(read(FileSource([path])))[2].items())]
    for size in (1, 50, 333, 1000):
        blocks = list(CsvLog(path, chunk_bytes=size).blocks(Place(), (None, None)))
        assert [block.begin.row for block in blocks] == [0, *(block.end_row for block in blocks[:-1])]
        assert [text for block in blocks for _, text in sorted(block.malformed.items())] == whole
        assert np.concatenate([block.ticks.offset for block in blocks]).tolist() == list(range(59))


def test_headers_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01\n")
    csv(tmp_path / "short.csv", "1,2", header="ts,symbol")
    for name, found in [
        ("empty.csv", "0 bytes"),
        ("binary.csv", "no readable header"),
        ("short.csv", "without"),
    ]:
        with pytest.raises(BadFile, match=found):
            FileSource([tmp_path / name])


def test_a_header_alone_is_no_ticks(tmp_path: Path) -> None:
    assert read(FileSource([csv(tmp_path / "a.csv")])) == []
    (tmp_path / "b.csv").write_text(HEADER)
    assert read(FileSource([tmp_path / "b.csv"])) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.floats(), st.sampled_from(["abc", "1_0", "--1", "0x1", "1e", " ", "nan1"])), min_size=1))
def test_any_mix_of_numbers_and_junk_is_told_apart(
    tmp_path_factory: pytest.TempPathFactory, cells: list[float | str]
) -> None:
    rows = [f"2013-10-07T00:00:01Z,AAA,trade,{cell!r},1,,,,,,,".replace("'", "") for cell in cells]
    path = csv(tmp_path_factory.mktemp("csv") / "a.csv", *rows)
    ticks, _, malformed, _ = joined(read(FileSource([path])))
    for k, cell in enumerate(cells):
        if isinstance(cell, str):
            assert k in malformed
        else:
            assert k not in malformed
            assert ticks.price[k] == cell or (math.isnan(cell) and math.isnan(ticks.price[k]))


@given(st.text(alphabet='a,"\n', max_size=60))
def test_the_last_line_end_outside_quotes(text: str) -> None:
    inside, last = False, 0
    for place, letter in enumerate(text):
        inside ^= letter == '"'
        if letter == "\n" and not inside:
            last = place + 1
    assert last_line_end(text.encode()) == last
