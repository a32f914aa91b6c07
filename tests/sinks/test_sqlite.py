"""What only the embedded store promises: one writer, other readers, and clear words when it can't write."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dataflows.sinks.errors import StoreError, StoreMismatch, StoreUnavailable
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.stores import OpenedStore, open_store
from schema.tables import TABLES
from tests.sinks.rows import bars_of, rows_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(path, patience=0.1)
    yield opened
    opened.close()


def write(store: OpenedStore | SqliteStore, n: int, first: int, number: int) -> None:
    store.append("bars", bars_of(n, first), number)
    store.commit(number)
    store.flush()


def count(path: Path) -> int:
    connection = sqlite3.connect(path)
    (rows,) = connection.execute("SELECT count(*) FROM bars").fetchone()
    connection.close()
    return int(rows)


def test_a_second_writer_is_refused_and_told_whose_store_it_is(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=f"written by process {os.getpid()}; stop that dataflow") as caught:
        SqliteStore(path)
    assert caught.value.exit_code == 75


def test_another_namespace_has_its_own_writer_and_rows(store: SqliteStore, path: Path) -> None:
    other = SqliteStore(path, "replay")
    write(store, 3, 0, 1)
    write(other, 2, 1, 9)
    assert [len(list(s.query("SELECT * FROM bars"))) for s in (store, other)] == [3, 2]
    assert [s.last_committed() for s in (store, other)] == [1, 9]
    other.close()


def test_the_lock_goes_with_the_writer(path: Path) -> None:
    for _ in range(2):
        SqliteStore(path).close()


def test_a_reopened_store_goes_on_where_it_was(reopen: Callable[..., OpenedStore]) -> None:
    write(reopen(), 3, 0, 5)
    again = reopen()
    assert (again.last_committed(), again.acknowledged()) == (5, 0)
    write(again, 3, 2, 6)
    assert len(list(again.query("SELECT * FROM bars"))) == 5


def test_new_features_become_columns_and_old_ones_stay(reopen: Callable[..., OpenedStore]) -> None:
    first = reopen(features=("a", "b"))
    first.append("features", {**rows_of(TABLES["features"], 1), "values": np.array([[1.0, 2.0]])}, 1)
    first.commit(1)
    second = reopen(features=("b", "c"))
    second.append("features", {**rows_of(TABLES["features"], 1, 1), "values": np.array([[3.0, 4.0]])}, 2)
    second.commit(2)
    second.flush()
    found = list(second.query("SELECT a, b, c FROM features ORDER BY time"))
    assert found == [{"a": 1.0, "b": 2.0, "c": None}, {"a": None, "b": 3.0, "c": 4.0}]


def test_a_column_that_the_schema_gained_is_added(reopen: Callable[..., OpenedStore], path: Path) -> None:
    reopen().close()
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE bars DROP COLUMN mid")
    connection.close()
    write(reopen(), 1, 0, 1)
    assert count(path) == 1


def test_another_schema_version_is_refused(reopen: Callable[..., OpenedStore], path: Path) -> None:
    reopen().close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreMismatch, match="has schema version 99, this program writes") as caught:
        SqliteStore(path)
    assert caught.value.exit_code == 78
    assert SqliteStore(path, "other").last_committed() == 0


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"time,symbol\n" * 1_000)
    with pytest.raises(StoreMismatch, match=r"not a database.*name another one"):
        SqliteStore(path)


def test_a_missing_folder_and_one_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="nowhere doesn't exist; make it first"):
        SqliteStore(tmp_path / "nowhere" / "store.db")
    with pytest.raises(StoreUnavailable, match="can't be made"):
        SqliteStore(Path("/proc") / "store.db")


def test_a_full_disk_stops_the_writer_and_loses_nothing_acknowledged(store: SqliteStore, path: Path) -> None:
    write(store, 10, 0, 1)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full; make room, then resume"):
        write(store, 5_000, 10, 2)
    with pytest.raises(StoreUnavailable, match="full"):
        store.append("bars", bars_of(1), 3)
    with pytest.raises(StoreUnavailable, match="full"):
        store.commit(3)
    assert (store.acknowledged(), store.last_committed()) == (1, 1)
    store.close()
    assert count(path) == 10
    resumed = SqliteStore(path)
    write(resumed, 5_000, 10, 2)
    resumed.close()
    assert count(path) == 5_010


def test_a_lock_of_another_connection_is_waited_for_and_then_named(store: SqliteStore, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process holds a lock"):
        write(store, 1, 0, 1)
    other.close()


def test_a_lock_that_is_released_in_time_goes_unnoticed(path: Path) -> None:
    store = SqliteStore(path, patience=10)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.1, lambda: other.execute("ROLLBACK"))
    release.start()
    write(store, 3, 0, 1)
    store.close()
    other.close()
    assert count(path) == 3


def test_a_removed_file_is_noticed_instead_of_written_into(store: SqliteStore, path: Path) -> None:
    write(store, 1, 0, 1)
    path.unlink()
    with pytest.raises(StoreUnavailable, match="removed or replaced"):
        write(store, 1, 1, 2)
    assert store.acknowledged() == 1


def test_a_file_without_write_permission_is_named(path: Path) -> None:
    SqliteStore(path).close()
    os.chmod(path.parent, 0o755)
    for file in path.parent.iterdir():
        os.chmod(file, 0o666 if file.suffix == ".lock" else 0o444)
    child = os.fork()
    if child == 0:
        verdict = 1
        try:
            for folder in path.parents:
                if os.stat(folder).st_uid != 0 or folder == Path("/tmp"):
                    break
                os.chmod(folder, 0o755)
            if os.geteuid() == 0:
                os.setuid(65_534)
            SqliteStore(path)
        except StoreUnavailable as error:
            verdict = 0 if "can't be written; check owner" in str(error) else 2
        finally:
            os._exit(verdict)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_close_never_raises_and_a_full_queue_makes_the_caller_wait(path: Path) -> None:
    store = SqliteStore(path, patience=10, queue_cells=1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for number in (1, 2):
        store.append("bars", bars_of(2, 2 * number), number)
    store.commit(1)
    waiting = threading.Thread(target=write, args=(store, 2, 6, 2))
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive() and store.acknowledged() == 0
    other.execute("ROLLBACK")
    waiting.join()
    other.close()
    store.close()
    store.close()
    assert count(path) == 6


def test_an_unknown_store_url_says_what_is_understood() -> None:
    with pytest.raises(StoreError, match=r"mysql://x.*expected sqlite:///path, questdb://host:port, memory: or null:"):
        open_store("mysql://x")


@pytest.mark.parametrize("namespace", ["", "Live", "a__b", "x;drop", "1st"])
def test_a_namespace_that_is_no_name_is_refused(path: Path, namespace: str) -> None:
    with pytest.raises(ValueError, match=r"namespace .* is not understood"):
        open_store(f"sqlite:///{path}", namespace)
