from __future__ import annotations

import datetime as dt
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflows.loaders import load, loader
from dataflows.loaders.cache import Cache
from dataflows.sources.bar_file import BarFile
from dataflows.sources.errors import BadFile
from tests.loaders.storage import Storage, serving

DAYS = [dt.date(2013, 10, 7), dt.date(2013, 10, 8), dt.date(2013, 10, 9)]
BARS = pa.table(
    {
        "date": DAYS * 2, "symbol": ["AAA"] * 3 + ["BBB"] * 3, "open": np.arange(1.0, 7), "high": np.arange(2.0, 8),
        "low": np.arange(0.5, 6), "close": np.arange(1.5, 7), "volume": np.arange(100.0, 106),
    }
)  # fmt: skip
STOOQ = """<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>
AAA,D,20131007,000000,1,2,0.5,1.5,100,0
AAA,D,20131008,000000,2,3,1.5,2.5,101,0
AAA,D,20131009,000000,3,4,2.5,3.5,102,0
BBB,D,20131007,000000,4,5,3.5,4.5,103,0
BBB,D,20131008,000000,5,6,4.5,5.5,104,0
BBB,D,20131009,000000,6,7,5.5,6.5,105,0
"""


def rows(url: object) -> list[dict[str, object]]:
    return [row for batch in load(str(url)) for row in batch.to_pylist()]


def parquet(table: pa.Table = BARS) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=2)
    return sink.getvalue()


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with serving({"/market/bars.parquet": parquet(), "/market/aaa.txt": STOOQ.encode()}) as server:
        yield server


def test_every_way_to_keep_the_same_bars_gives_the_same_rows(tmp_path: Path, storage: Storage) -> None:
    (tmp_path / "bars.parquet").write_bytes(parquet())
    pa.csv.write_csv(BARS, tmp_path / "bars.csv")
    (tmp_path / "stooq.txt").write_text(STOOQ)
    (tmp_path / "hub" / "data").mkdir(parents=True)
    for k, part in enumerate((BARS.slice(0, 4), BARS.slice(4))):
        (tmp_path / "hub" / "data" / f"train-{k:05}-of-00002.parquet").write_bytes(parquet(part))
    saved = tmp_path / "saved" / "train"
    saved.mkdir(parents=True)
    with pa.OSFile(str(saved / "data-00000-of-00001.arrow"), "wb") as file, pa.ipc.new_stream(file, BARS.schema) as out:
        out.write_table(BARS)
    (saved / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))
    urls = [
        tmp_path / "bars.parquet", tmp_path / "bars.csv", tmp_path / "stooq.txt", f"file://{tmp_path}/bars.csv",
        f"hf://{tmp_path}/hub", f"hf://{tmp_path}/saved?split=train",
        f"s3://market/bars.parquet?endpoint={storage.endpoint}", f"s3://market/aaa.txt?endpoint={storage.endpoint}",
    ]  # fmt: skip
    for url in urls:
        assert rows(url) == BARS.to_pylist(), url


def test_a_parquet_file_in_storage_is_read_by_range(storage: Storage) -> None:
    next(load(f"s3://market/bars.parquet?endpoint={storage.endpoint}"))
    assert {method for method, _ in storage.asked} == {"HEAD", "GET"}
    assert all(span for method, span in storage.asked if method == "GET")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://market/none.parquet?endpoint={e}", "no answer that can be read"),
        ("s3://market/bars.parquet?endpoint={e}&part=1", "the options ['part']"),
        ("s3://market/bars.parquet?endpoint=http://127.0.0.1:9", "check endpoint, bucket, key and AWS_*"),
        ("ftp://somewhere/x.csv", "the scheme 'ftp', expected a path or one of file, hf, questdb, s3, sqlite"),
        ("hf:///nowhere?split=test", "no shard of split 'test'"),
        ("/nowhere/bars.csv", "no such file"),
        ("sqlite:////nowhere.db?timeframe=1m", "there is no such file"),
        ("sqlite:////nowhere.db", "timeframe '' is not understood"),
    ],
)
def test_what_can_not_be_read_is_named(url: str, said: str, storage: Storage) -> None:
    with pytest.raises(BadFile, match=re.escape(said)):
        rows(url.format(e=storage.endpoint))


def test_stooq_minutes_and_mangled_days_are_refused_by_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "aaa.txt"
    path.write_text(STOOQ.replace("AAA,D,20131009", "AAA,60,20131009"))
    with pytest.raises(BadFile, match=r"aaa.txt: found 60 in column <PER>, row 2, expected D"):
        rows(path)
    path.write_text(STOOQ.replace("20131008", "20131308"))
    with pytest.raises(BadFile, match=r"found 20131308 in column <DATE>, row 1"):
        rows(path)


def test_a_copy_serves_when_the_other_end_is_away(tmp_path: Path, storage: Storage) -> None:
    url = f"s3://market/bars.parquet?endpoint={storage.endpoint}"
    copy = Cache(tmp_path, 10**6).local(url)
    storage.objects["/market/twin.parquet"] = parquet()
    again = Cache(tmp_path, 10**6).local(url.replace("bars.parquet", "twin.parquet"))
    assert copy == again  # the same rows, kept once
    asked = len(storage.asked)
    assert Cache(tmp_path, 10**6, offline=True).local(url) == copy
    assert len(storage.asked) == asked
    assert sum(len(batch.day) for batch in BarFile(copy).batches()) == 6
    with pytest.raises(BadFile, match="no copy of it"):
        Cache(tmp_path, 10**6, offline=True).local("s3://market/other.parquet")
    copy.write_bytes(copy.read_bytes()[:-1])
    with pytest.raises(BadFile, match="a damaged copy, which was removed"):
        Cache(tmp_path, 10**6, offline=True).local(url)


def test_the_copy_that_was_used_last_stays(tmp_path: Path, storage: Storage) -> None:
    kept = []
    for k in range(4):
        storage.objects[f"/market/{k}.parquet"] = parquet(BARS.slice(0, k + 1))
        kept.append(Cache(tmp_path, 10**6).local(f"s3://market/{k}.parquet?endpoint={storage.endpoint}"))
        os.utime(kept[-1], (k, k))
    os.utime(kept[0], (9, 9))  # used since
    bound = kept[0].stat().st_size + kept[3].stat().st_size
    Cache(tmp_path, bound).local(f"s3://market/3.parquet?endpoint={storage.endpoint}")
    assert [path.is_file() for path in kept] == [True, False, False, True]


def test_a_scheme_of_ones_own_is_one_function() -> None:
    @loader("mine")
    def read(url: str) -> Iterator[pa.RecordBatch]:
        yield from BARS.to_batches()

    assert rows("mine://anything") == BARS.to_pylist()
    with pytest.raises(ValueError, match="'mine' is registered twice"):
        loader("mine")(read)
