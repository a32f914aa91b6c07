"""History as CSV and Arrow: the same rows as the table's."""

from __future__ import annotations

import csv
import io
from base64 import b64decode
from typing import Any

import pyarrow as pa
import pytest

from api.exports import ARROW, CSV, JSON
from dataflows.sinks.sqlite import SqliteStore
from schema.tables import PREDICTIONS
from schema.times import parse_iso
from tests.api.conftest import Get

pytestmark = [
    pytest.mark.usefixtures("station"),
    pytest.mark.parametrize("kind", ["sqlite", "questdb"], indirect=True),
]


def stored(writer: SqliteStore) -> list[dict[str, Any]]:
    rows = writer.query("SELECT * FROM predictions WHERE symbol = 'AAPL' ORDER BY time DESC")
    return [{name: row[name] for name in PREDICTIONS.columns} for row in rows]


def test_arrow_holds_the_table_bit_for_bit(get: Get, writer: SqliteStore) -> None:
    answer = get("/predictions/AAPL", headers={"accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.schema.field("time").type == pa.timestamp("ns", "UTC")
    times = [name for name, kind in PREDICTIONS.columns.items() if kind == "time"]
    columns = {name: table[name].cast("int64") if name in times else table[name] for name in table.column_names}
    rows = [dict(zip(columns, cells)) for cells in zip(*(column.to_pylist() for column in columns.values()))]
    assert rows == [{k: (v or None) if k in times else v for k, v in row.items()} for row in stored(writer)]


def test_csv_reads_back_to_the_same_numbers(get: Get, writer: SqliteStore) -> None:
    answer = get("/predictions/AAPL", headers={"accept": f"{CSV}, {JSON};q=0.5"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 5
    for found, expected in zip(rows, stored(writer), strict=True):
        for name, kind in PREDICTIONS.columns.items():
            read = {"time": parse_iso, "float": float, "int": int, "bytes": b64decode}.get(kind, str)
            value = read(found[name]) if found[name] else None  # type: ignore[operator]
            assert value == (expected[name] or None if kind in ("time", "bytes") else expected[name]), name


def test_pages_follow_each_other_by_link(get: Get) -> None:
    seen, url = list[str](), "/predictions/AAPL?limit=2"
    while url:
        answer = get(url, headers={"accept": CSV})
        seen += [row["time"] for row in csv.DictReader(io.StringIO(answer.text))]
        link = answer.headers.get("link", "")
        url = link[1 : link.index(">")].removeprefix("http://api") if link else ""
    assert len(seen) == 5 and seen == sorted(set(seen), reverse=True)


@pytest.mark.parametrize(
    ("accept", "status", "kind_of"),
    [("*/*", 200, JSON), ("text/html, */*;q=0.1", 200, JSON), ("image/png", 406, "application/problem+json"),
     (f"{JSON};q=0.2, {ARROW};q=0.3", 200, ARROW), (f"{CSV};q=x, {JSON}", 200, JSON)],
)  # fmt: skip
def test_the_client_chooses(get: Get, accept: str, status: int, kind_of: str) -> None:
    answer = get("/predictions/AAPL", headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (status, kind_of)
