"""What every store that keeps rows has to do."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import numpy as np
import pytest

from dataflows.sinks.null import NullStore
from dataflows.sinks.stores import OpenedStore
from schema.tables import TABLES
from tests.sinks.rows import bars_of, rows_of


def everything(store: OpenedStore, table: str) -> list[dict[str, Any]]:
    """All rows, once what is durable in a spool alone has reached the server: on a busy machine that may be later."""
    until = time.monotonic() + 30
    while store.state().waiting and time.monotonic() < until:
        time.sleep(0.01)
    return sorted(store.query(f"SELECT * FROM {table}"), key=lambda row: row["time"])


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_what_is_written_is_read_bit_for_bit(store: OpenedStore, table: Any) -> None:
    columns = rows_of(table, 7)
    store.append(table.name, columns, 1)
    store.commit(1)
    store.flush()
    found = everything(store, table.name)
    for name, cells in columns.items():
        assert [row[name] for row in found] == list(cells), name


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_writing_twice_leaves_one_row(store: OpenedStore, table: Any) -> None:
    for number in (1, 2):
        store.append(table.name, rows_of(table, 5), number)
        store.commit(number)
    store.flush()
    assert len(everything(store, table.name)) == 5


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rows_that_differ_in_one_key_column_are_both_kept(store: OpenedStore, table: Any) -> None:
    for changed in table.key:
        pair = rows_of(table, 2)
        for name in table.key:
            other = pair[name][1]
            pair[name] = [pair[name][0], other if name == changed else pair[name][0]]
        store.append(table.name, pair, 1)
    store.commit(1)
    store.flush()
    assert len(everything(store, table.name)) == 1 + len(table.key)


def test_the_later_row_of_a_key_wins(store: OpenedStore) -> None:
    for price in (1.5, 2.5):
        store.append("bars", {**bars_of(1), "close": [price]}, 1)
    store.commit(1)
    store.flush()
    assert [row["close"] for row in everything(store, "bars")] == [2.5]


def test_nan_and_none_become_null_and_missing_columns_too(store: OpenedStore) -> None:
    bars = {**bars_of(2), "bid": np.array([np.nan, 1.25]), "ask": [None, 2.5]}
    del bars["mid"]
    store.append("bars", bars, 1)
    store.commit(1)
    store.flush()
    found = everything(store, "bars")
    assert [(row["bid"], row["ask"], row["mid"]) for row in found] == [(None, None, None), (1.25, 2.5, None)]


def test_features_come_as_columns_or_as_one_matrix(store: OpenedStore) -> None:
    keys = rows_of(TABLES["features"], 2)
    store.append("features", {**keys, "values": np.array([[1.0, np.nan], [3.0, 4.0]])}, 1)
    later = rows_of(TABLES["features"], 2, first=2)
    store.append("features", {**later, "rsi_14": [5.0, None], "validity": np.array([[0, 64], [1, 0]], np.uint8)}, 1)
    store.commit(1)
    store.flush()
    found = everything(store, "features")
    assert [(row["ema_8"], row["rsi_14"]) for row in found] == [(1.0, None), (3.0, 4.0), (None, 5.0), (None, None)]
    assert [row["validity"] for row in found[2:]] == [b"\x00\x40", b"\x01\x00"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"close": np.array([1.0, np.inf])}, "column close, row 1: infinity"),
        ({"closing": [1.0, 2.0]}, "unknown columns ['closing']"),
        ({"close": [1.0]}, "differ in length"),
        ({"values": np.zeros((2, 2))}, "unknown columns ['values']"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(store: OpenedStore, change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError) as caught:
        store.append("bars", {**bars_of(2), **change}, 1)
    assert says in str(caught.value)
    store.commit(1)
    store.flush()
    assert everything(store, "bars") == []


def test_a_missing_key_column_and_a_matrix_of_other_width_are_refused(store: OpenedStore) -> None:
    keys = rows_of(TABLES["features"], 2)
    with pytest.raises(ValueError, match=r"expected \(n, 2\)"):
        store.append("features", {**keys, "values": np.zeros((2, 3))}, 1)
    del keys["bar_sequence"]
    with pytest.raises(ValueError, match=r"bar_sequence.*missing"):
        store.append("features", keys, 1)
    with pytest.raises(KeyError, match="not in schema"):
        store.append("trades", {"time": [1]}, 1)


def test_the_caller_may_reuse_its_arrays(store: OpenedStore) -> None:
    bars, values = bars_of(3), np.array([[1.0, 2.0]])
    expected = list(zip(bars["close"].tolist(), bars["trades"].tolist()))
    store.append("bars", bars, 1)
    store.append("features", {**rows_of(TABLES["features"], 1), "values": values}, 1)
    for reused in (bars["close"], bars["trades"], values):
        reused[:] = 0
    store.commit(1)
    store.flush()
    assert [(row["close"], row["trades"]) for row in everything(store, "bars")] == expected
    assert [(row["ema_8"], row["rsi_14"]) for row in everything(store, "features")] == [(1.0, 2.0)]


def test_acknowledged_follows_commits_and_is_never_ahead_of_the_rows(store: OpenedStore) -> None:
    assert store.acknowledged() == 0
    for number in range(1, 40):
        if number % 3:
            store.append("bars", bars_of(4, first=4 * number), number)
        store.commit(number)
        done = store.acknowledged()
        there = {row["time"] for row in store.query("SELECT time FROM bars")}
        complete = [k for k in range(1, done + 1) if k % 3]
        assert all(int(t) in there for k in complete for t in bars_of(4, first=4 * k)["time"])
    store.flush()
    assert store.acknowledged() == 39
    assert store.last_committed() == 39


def test_flush_makes_uncommitted_rows_durable_without_acknowledging_them(store: OpenedStore) -> None:
    store.append("bars", bars_of(2), 1)
    store.flush()
    assert len(everything(store, "bars")) == 2
    assert store.acknowledged() == 0


def test_another_thread_reads(store: OpenedStore) -> None:
    store.append("bars", bars_of(2), 1)
    store.commit(1)
    store.flush()
    counts: list[int] = []
    reader = threading.Thread(target=lambda: counts.append(len(everything(store, "bars"))))
    reader.start()
    reader.join()
    assert counts == [2]


def test_query_takes_parameters_and_streams(store: OpenedStore) -> None:
    store.append("bars", bars_of(50), 1)
    store.commit(1)
    store.flush()
    found = store.query("SELECT time, symbol FROM bars WHERE symbol = ? ORDER BY time", ("B",))
    assert [row["symbol"] for row in itertools.islice(found, 3)] == ["B"] * 3


def test_meta_is_durable_with_the_next_commit(store: OpenedStore) -> None:
    store.put_meta("catalogue", '{"columns": []}')
    store.commit(1)
    store.flush()
    assert store.get_meta("catalogue") == '{"columns": []}'
    assert store.get_meta("status") is None


def test_the_null_store_counts_and_acknowledges_at_once() -> None:
    store = NullStore()
    store.append("bars", bars_of(3), 7)
    store.commit(7)
    assert (store.rows["bars"], store.acknowledged(), list(store.query("SELECT 1"))) == (3, 7, [])
