from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np

from dataflows.loaders import load
from tests.servers import QuestDb

SECOND = 10**9
START = 1_381_152_600 * SECOND + 1  # nanoseconds survive
COLUMNS = "time, symbol, timeframe, open, high, low, close, volume"


def rows() -> list[tuple[object, ...]]:
    return [
        (START + k * 60 * SECOND, name, timeframe, 1.5, 2.0, 1.0, 1.25 + k, 100.0)
        for k in range(3) for name in ("AAA", "BBB") for timeframe in ("1m", "5m")
    ]  # fmt: skip


def sqlite(folder: Path) -> str:
    with sqlite3.connect(folder / "store.db") as connection:
        connection.execute(f"CREATE TABLE load__bars ({COLUMNS})")
        connection.executemany("INSERT INTO load__bars VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows()[::-1])
    connection.close()
    return f"sqlite:///{folder}/store.db?timeframe=1m#load"


def on_questdb(server: QuestDb) -> str:
    kinds = "time TIMESTAMP_NS, symbol SYMBOL, timeframe SYMBOL, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE"
    cells = ", ".join(
        f"({row[0]}, '{row[1]}', '{row[2]}', {', '.join(map(str, row[3:]))})" for row in rows()
    )  # fmt: skip
    for sql in (f"CREATE TABLE load__bars ({kinds}, volume DOUBLE) TIMESTAMP(time) PARTITION BY DAY BYPASS WAL",
                f"INSERT INTO load__bars VALUES {cells}"):  # fmt: skip
        urlopen(f"http://{server.host}:{server.http}/exec?query={quote(sql)}").close()
    return f"questdb://{server.host}:{server.http}?pg={server.pg}&timeframe=1m#load"


def check(url: str) -> None:
    found = [row for batch in load(url) for row in batch.to_pylist()]
    wanted = [row for row in rows() if row[2] == "1m"]
    assert [(row["symbol"], row["close"], row["volume"]) for row in found] == [(r[1], r[6], r[7]) for r in wanted]
    (batch,) = load(url)
    np.testing.assert_array_equal(batch.column("time").cast("int64").to_numpy(), [row[0] for row in wanted])


def test_the_embedded_stores_bars_are_read(tmp_path: Path) -> None:
    check(sqlite(tmp_path))


def test_questdbs_bars_are_read(questdb: QuestDb) -> None:

    check(on_questdb(questdb))
