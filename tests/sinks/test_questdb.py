"""What only QuestDB promises: every bit of a wide row, nanoseconds, dead letters for what it refuses, clear words."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataflows.sinks.errors import StoreMismatch, StoreUnavailable
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.store import QuestDbStore
from schema.questdb import questdb_address, translated, with_nanoseconds
from schema.stores import stored_name
from schema.tables import TABLES
from tests.servers import running_questdb
from tests.sinks.batches import shipped
from tests.sinks.conftest import new_namespace, questdb_url
from tests.sinks.rows import bars_of, rows_of

DAY = 86_400 * 10**9
START = 1_381_190_400_000_000_000  # 2013-10-08
Opener = Callable[..., QuestDbStore]


@pytest.fixture
def opened(questdb: Any, tmp_path: Path) -> Iterator[Opener]:
    """Open the same namespace again and again; the one before is closed first."""
    stores: list[QuestDbStore] = []
    namespace = new_namespace()

    def opener(features: tuple[str, ...] = ("a", "b"), retention: dict[str, int] | None = None) -> QuestDbStore:
        if stores:
            stores[-1].close()
        options = QuestDbOptions(tmp_path / "spool", retention_days=retention or {})
        stores.append(QuestDbStore(questdb_url(questdb), namespace, features, options))
        return stores[-1]

    yield opener
    for store in stores:
        store.close()


def write(store: QuestDbStore, number: int, **tables: Any) -> None:
    for table, columns in tables.items():
        store.append(table, columns, number)
    store.commit(number)
    store.flush()
    shipped(store)


def test_wide_rows_round_trip_bit_for_bit(opened: Opener) -> None:
    rng, n, width = np.random.default_rng(3), 40, 763
    names = tuple(f"feature_{k}" for k in range(width))
    values = rng.integers(-(2**63), 2**63, (n, width)).view(np.float64)  # any bits, subnormal numbers too
    values[~np.isfinite(values)] = np.nan
    values[0, :4] = -0.0, 5e-324, 0.1, 60_000.01
    validity = rng.integers(0, 256, (n, width)).astype(np.uint8)
    store = opened(names)
    write(store, 1, features={**rows_of(TABLES["features"], n), "values": values, "validity": validity})
    found = list(store.query("SELECT * FROM features ORDER BY time"))
    again = np.array([[row[name] for name in names] for row in found], np.float64)
    defined = ~np.isnan(values)
    assert (again.view(np.int64)[defined] == values.view(np.int64)[defined]).all() and np.isnan(again[~defined]).all()
    assert [row["validity"] for row in found] == [row.tobytes() for row in validity]


def test_times_keep_all_nine_digits_in_columns_parameters_and_aggregates(opened: Opener) -> None:
    store, times = opened(), START + np.arange(3) * DAY + [123_456_789, 1, 999_999_999]
    write(store, 1, bars={**bars_of(3), "time": times, "start": times - 1})
    assert [(r["time"], r["start"]) for r in store.query("SELECT time, start FROM bars")] == [(t, t - 1) for t in times]
    assert next(store.query("SELECT max(time) AS time FROM bars"))["time"] == times[-1]
    later = store.query("SELECT time FROM bars WHERE time > ? ORDER BY time DESC", (int(times[0]),))
    assert [row["time"] for row in later] == [times[2], times[1]]


def test_one_bad_row_among_ten_thousand_becomes_a_dead_letter(opened: Opener) -> None:
    store, bars = opened(), bars_of(10_000)
    bars["time"][7_321] = 2**63 - 1  # later than a designated timestamp can be: the server refuses the whole request
    for number in (1, 2):
        write(store, number, bars=bars)
    assert next(store.query("SELECT count() AS n FROM bars"))["n"] == 9_999
    (letter,) = store.query("SELECT * FROM dead_letters")
    assert (letter["reason"], letter["source"], letter["symbol"]) == ("rejected", "store:bars", bars["symbol"][7_321])
    assert "designated timestamp overflow" in letter["expected"] and str(bars["bar_sequence"][7_321]) in letter["found"]
    assert (store.acknowledged(), store.state().rejected) == (2, 2)


@pytest.mark.parametrize(("column", "bad"), [("time", -5), ("trades", "many"), ("symbol", 7)])
def test_what_the_client_refuses_becomes_a_dead_letter_too(opened: Opener, column: str, bad: Any) -> None:
    store, bars = opened(), bars_of(20)
    bars[column] = [bad if k == 11 else cell for k, cell in enumerate(list(bars[column]))]
    write(store, 1, bars=bars)
    assert next(store.query("SELECT count() AS n FROM bars"))["n"] == 19
    assert [row["source"] for row in store.query("SELECT source FROM dead_letters")] == ["store:bars"]


def test_half_a_character_is_replaced(opened: Opener) -> None:
    store = opened()
    write(store, 1, alerts={**rows_of(TABLES["alerts"], 1), "details": ["\ud800!"]})
    assert [row["details"] for row in store.query("SELECT details FROM alerts")] == ["?!"]


def test_a_refused_tick_keeps_its_place_whatever_time_it_claims(opened: Opener) -> None:
    store, letters = opened(), rows_of(TABLES["dead_letters"], 3)
    letters["time"] = np.array([-7, START, 2**63 - 1])
    write(store, 1, dead_letters=letters)
    found = list(store.query('SELECT * FROM dead_letters ORDER BY "offset"'))
    assert [row["time"] for row in found] == [0, START, 9_214_646_399_999_999_999]
    assert [row["found"] for row in found] == letters["found"]


def test_new_features_become_columns_and_old_ones_stay(opened: Opener) -> None:
    for number, features in ((1, ("a", "b")), (2, ("b", "c"))):
        row = rows_of(TABLES["features"], 1, number)
        write(opened(features), number, features={**row, "values": np.array([[1.0, 2.0]]) * number})
    found = list(opened(("b", "c")).query("SELECT a, b, c FROM features ORDER BY time"))
    assert found == [{"a": 1.0, "b": 2.0, "c": None}, {"a": None, "b": 2.0, "c": 4.0}]


def test_a_reopened_store_goes_on_where_it_was(opened: Opener) -> None:
    write(opened(), 5, bars=bars_of(3))
    again = opened()
    assert (again.last_committed(), again.acknowledged()) == (5, 0)
    write(again, 6, bars=bars_of(3, 2))
    assert next(again.query("SELECT count() AS n FROM bars"))["n"] == 5


def test_another_schema_version_is_refused(opened: Opener) -> None:
    store = opened()
    values = f"0, '{store.namespace}', 'schema_version', '99'"
    store._reading.execute(f"INSERT INTO meta (time, namespace, name, value) VALUES ({values})")
    with pytest.raises(StoreMismatch, match="has schema version 99, this program writes") as caught:
        opened()
    assert caught.value.exit_code == 78


def test_a_second_writer_is_refused_and_told_whose_namespace_it_is(opened: Opener, questdb: Any) -> None:
    store = opened()
    with pytest.raises(StoreUnavailable, match=f"written by process {os.getpid()}; stop that dataflow"):
        QuestDbStore(questdb_url(questdb), store.namespace, ("a", "b"), store._options)
    store.close()
    assert opened().state().name == "up"


def test_a_suspended_table_is_noticed_while_running_and_at_start(tmp_path: Path) -> None:
    with running_questdb(tmp_path / "server", dev_mode_enabled="true") as server:

        def opened() -> QuestDbStore:
            return QuestDbStore(questdb_url(server.questdb), options=QuestDbOptions(tmp_path / "spool"))

        _suspend(opened)


def _suspend(opened: Callable[[], QuestDbStore]) -> None:
    store = opened()
    write(store, 1, bars=bars_of(1))
    table = stored_name("bars", store.namespace)
    assert next(store.query("SELECT count() AS n FROM bars"))["n"] == 1  # applied: else that would resume the table
    store._reading.execute(f'ALTER TABLE "{table}" SUSPEND WAL')
    with pytest.raises(StoreUnavailable, match=f'{table} is suspended.*ALTER TABLE "{table}" RESUME WAL'):
        for number in range(2, 1_000):
            store.commit(number)
            time.sleep(0.02)
    store.close()
    with pytest.raises(StoreUnavailable, match="is suspended"):
        opened()
    store._reading.execute(f'ALTER TABLE "{table}" RESUME WAL')
    again = opened()
    write(again, 2, bars=bars_of(1, 1))
    assert next(again.query("SELECT count() AS n FROM bars"))["n"] == 2
    again.close()


def test_partitions_older_than_the_retention_are_dropped(opened: Opener) -> None:
    letters = rows_of(TABLES["dead_letters"], 4)
    letters["time"] = START + np.array([0, 1, 20, 21]) * DAY
    store = opened(retention={"dead_letters": 7, "bars": 40})
    write(store, 1, dead_letters=letters)
    until = time.monotonic() + 20
    while len(list(store.query("SELECT time FROM dead_letters"))) > 2 and time.monotonic() < until:
        write(store, 2, dead_letters={name: cells[-1:] for name, cells in letters.items()})
    assert [row["time"] for row in store.query("SELECT time FROM dead_letters")] == letters["time"][2:].tolist()
    kept = "SELECT table_name name, ttlValue n, ttlUnit unit FROM tables()"
    units = {row["name"]: (row["n"], row["unit"]) for row in store.query(kept)}
    assert units[stored_name("bars", store.namespace)] == (2, "MONTH")
    forever = {row["name"]: (row["n"], row["unit"]) for row in opened().query(kept)}
    assert forever[stored_name("dead_letters", store.namespace)][0] == 0
    assert forever[stored_name("bars", store.namespace)] == (100, "YEAR")


def test_sql_of_the_embedded_store_is_translated() -> None:
    found = translated("SELECT '?', time FROM bars JOIN \"ticks\" t ON x % 2 WHERE s = ? AND n = 'FROM bars'", "replay")
    assert found == (
        "SELECT '?', time FROM \"replay__bars\" JOIN \"replay__ticks\" t ON x %% 2 WHERE s = %s AND n = 'FROM bars'"
    )
    assert translated("SELECT 1 FROM tables()", "replay") == "SELECT 1 FROM tables()"
    assert with_nanoseconds("Q", [("n", 20)]) == "Q"
    assert with_nanoseconds("Q", [("n", 20), ("time", 1114)]) == 'SELECT "n", "time"::long "time" FROM (Q)'


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("questdb://db", ("db", 9000, 8812, "admin", "quest")),
        ("questdb://me:p%40ss@db:9001?pg=8813", ("db", 9001, 8813, "me", "p@ss")),
    ],
)
def test_addresses(url: str, found: tuple[Any, ...]) -> None:
    assert questdb_address(url) == found
    assert "p@ss" not in str(questdb_address(url))


@pytest.mark.parametrize("url", ["questdb://", "questdb://h:x", "questdb://h?pg=x", "questdb://h?port=1", "http://h"])
def test_addresses_that_are_none_say_what_is_understood(url: str) -> None:
    with pytest.raises(ValueError, match="expected questdb://host:9000"):
        questdb_address(url)
