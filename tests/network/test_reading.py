"""Reads over pgwire through a broken network: an error that says what to do, in bounded time, and then an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from api.questdb import QuestDbRows
from api.store import StoreAway
from dataflows.sinks.errors import StoreUnavailable
from dataflows.sinks.questdb.reading import Reading
from ops.pgwire import Describing, connected
from schema.questdb import questdb_address
from tests.network.proxy import Proxy, proxied
from tests.servers import QuestDb

SILENCE_S = 0.5


@pytest.fixture
def proxy(questdb: QuestDb) -> Iterator[Proxy]:
    with proxied(questdb.pg) as proxy:
        yield proxy


@pytest.fixture
def reading(questdb: QuestDb, proxy: Proxy) -> Reading:
    address = questdb_address(f"questdb://{questdb.host}:{questdb.http}?pg={proxy.port}")
    return Reading(address, "live", patience=2.0, silence_s=SILENCE_S)


def answered(reading: Reading) -> int:
    return int(next(reading.rows("SELECT 7 AS n"))["n"])


def refused(reading: Reading) -> str:
    began = time.monotonic()
    with pytest.raises(StoreUnavailable, match="no answer over pgwire") as caught:
        answered(reading)
    assert time.monotonic() - began < 5.0
    assert caught.value.exit_code == 75
    return str(caught.value)


def test_a_server_that_falls_silent_at_any_moment_is_given_up(reading: Reading, proxy: Proxy) -> None:
    """Bytes of the answers until it falls silent, from the first of the connection to the last of the query."""
    assert answered(reading) == 7
    silent = 0
    limits = [0, *(60 * 2**k for k in range(17))]  # how long an answer is grows with the tables that are there
    for after in limits:
        proxy.silence(after)
        try:
            assert answered(reading) == 7
        except StoreUnavailable as error:
            assert "silent" in str(error) or "timeout" in str(error)
            silent += 1
        proxy.heal()
    assert answered(reading) == 7
    assert 3 <= silent < len(limits), "the query fits into none of the limits, or into all"


def test_a_query_that_the_server_ends_is_no_fault_of_the_sql(questdb: QuestDb) -> None:
    """A server that stops first ends its queries, in these words: who asked may come back (exit code 75)."""
    reading = Reading(questdb_address(f"questdb://{questdb.host}:{questdb.http}?pg={questdb.pg}"), "live")
    sql = "SELECT sum(rnd_double()) AS total FROM long_sequence(1000000000000)"
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lambda: list(reading.rows(sql)))
        until = time.monotonic() + 20.0
        while not (found := _running(reading, "long_sequence(1000000000000)")):
            assert time.monotonic() < until and not asked.done(), "the query is not in the server's list"
        reading.execute(f"CANCEL QUERY {found}")
        with pytest.raises(StoreUnavailable, match="the server ended a query: cancelled by user"):
            asked.result(timeout=20.0)


def _running(reading: Reading, text: str) -> int | None:
    asked = reading.rows("SELECT query_id, query FROM query_activity()")
    return next((int(row["query_id"]) for row in asked if text in row["query"]), None)


@pytest.mark.parametrize("fault", ["reset", "half_open"])
def test_a_broken_connection_is_an_error_and_the_next_read_works(reading: Reading, proxy: Proxy, fault: str) -> None:
    getattr(proxy, fault)()
    assert "make up" in refused(reading)
    assert proxy.felt
    proxy.heal()
    assert answered(reading) == 7


def test_a_delay_is_only_slow(reading: Reading, proxy: Proxy) -> None:
    proxy.delay(0.1)
    assert answered(reading) == 7
    assert proxy.felt > 4


def test_rows_that_stop_coming_are_given_up(reading: Reading, proxy: Proxy) -> None:
    rows = reading.rows("SELECT x FROM long_sequence(1000000)")
    assert next(rows)["x"] == 1
    proxy.half_open()
    with pytest.raises(StoreUnavailable, match="silent"):
        for _ in rows:
            pass


def test_the_service_answers_though_its_store_keeps_silent(
    questdb: QuestDb, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.questdb._PATIENCE", SILENCE_S)
    rows = QuestDbRows(f"questdb://{questdb.host}:{questdb.http}?pg={proxy.port}")
    assert rows.rows("SELECT 7 AS n") == [{"n": 7}]
    proxy.half_open()
    with pytest.raises(StoreAway, match="silent"):
        rows.rows("SELECT 7 AS n")
    proxy.heal()
    assert rows.rows("SELECT 7 AS n") == [{"n": 7}]
    rows.close()


def test_a_query_whose_columns_the_server_does_not_say_is_refused(questdb: QuestDb) -> None:
    """Read on without their types, times would come as datetimes."""
    connection = connected(questdb_address(f"questdb://{questdb.host}:{questdb.http}?pg={questdb.pg}"), patience=5.0)
    asking = Describing(connection)
    with connection:
        with pytest.raises(psycopg.Error):
            asking.prepare(b"", b"SELECT time FROM no_such_table")
        with pytest.raises(psycopg.Error):
            asking.describe_prepared(b"never prepared")
        asking.prepare(b"", b"CREATE TABLE IF NOT EXISTS without_rows (n INT)")
        with pytest.raises(psycopg.OperationalError, match="did not say which columns"):
            asking.describe_prepared(b"")
