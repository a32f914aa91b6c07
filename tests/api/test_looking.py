"""News by seeking: the rows that a look at all gives, without reading the table; series that are new come as well."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from api.live.looking import StoreFeed
from api.main import open_reader
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from tests.sinks.batches import SYMBOLS, full_batch


@pytest.mark.parametrize("known", [[], SYMBOLS[:1], SYMBOLS])
def test_news_of_known_series_are_their_newest_predictions(
    place: tuple[str, str], station: Sinks, writer: OpenedStore, known: Collection[str]
) -> None:
    reader = open_reader(*place)
    times = {row["symbol"]: row["time"] for row in reader.newest_predictions() if row["symbol"] in known}
    assert reader.predictions_since("1m", times, 1_000) == []
    for number in (6, 7):
        station.step(full_batch(number))
    writer.flush()
    expected = [row for row in reader.newest_predictions() if row["symbol"] in known]
    assert reader.predictions_since("1m", times, 1_000) == expected
    assert len(expected) == len(known) and all(row["time"] > times[row["symbol"]] for row in expected)
    assert reader.predictions_since("1m", times, 2 * len(known)) == [], "too many: then all are looked at"
    assert reader.predictions_since("5m", times, 1_000) == []
    reader.store.close()


def test_what_a_burst_asks_for_is_sought_and_never_scanned_for(
    place: tuple[str, str], station: Sinks, writer: OpenedStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan of `bars` or `features` grows with the store; a day of 1,000 symbols has 86 million rows."""
    reader = open_reader(*place)
    asked = list[tuple[str, Any]]()
    rows = reader.store.rows

    def noting(sql: str, parameters: Any = ()) -> Any:
        asked.append((sql, parameters))
        return rows(sql, parameters)

    monkeypatch.setattr(reader.store, "rows", noting)
    (at,) = {row["time"] for row in reader.newest_predictions()}
    asked.clear()
    reader.predictions_since("1m", dict.fromkeys(SYMBOLS, 0), 1_000)
    found = reader.bars_after("1m", 0, SYMBOLS)
    assert {row["symbol"] for row in found} == set(SYMBOLS) and found == sorted(found, key=lambda row: row["time"])
    assert reader.bars_after("1m", 0, SYMBOLS[:1]) == [row for row in found if row["symbol"] == SYMBOLS[0]]
    column = str((reader.catalogue() or {})["columns"][0]["name"])
    assert set(reader.features_at(column, "1m", at, SYMBOLS)) == set(SYMBOLS)
    assert set(reader.features_at(column, "1m", at, SYMBOLS[1:])) == set(SYMBOLS[1:])
    with sqlite3.connect(path) as connection:
        sought = [(sql, values) for sql, values in asked if "json_each" in sql]
        assert len(sought) == 5
        for sql, values in sought:
            steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert any(step.startswith("SEARCH t ") for step in steps), steps
            assert not any(step.startswith("SCAN t") for step in steps), steps
    connection.close()
    reader.store.close()


def test_known_series_come_first_and_new_ones_follow(
    place: tuple[str, str], station: Sinks, writer: OpenedStore
) -> None:
    """The quick look leaves a new series to the look at all, which follows by itself, or at once where one waits."""
    reader = open_reader(*place)

    async def scenario(settle: bool) -> None:
        feed = StoreFeed(reader)
        heard = feed().__aiter__()
        first = await heard.__anext__()
        known = first[:2]
        for said in first[2:]:
            del feed._seen[said["timeframe"], said["symbol"]]  # as if it weren't there yet
        station.step(full_batch(8 + settle))
        writer.flush()
        news = await heard.__anext__()
        assert [said["symbol"] for said in news] == [said["symbol"] for said in known]
        waiting = asyncio.create_task(feed.settle()) if settle else None
        rest = await heard.__anext__()
        assert [said["symbol"] for said in rest] == [said["symbol"] for said in first[2:]]
        if waiting is not None:
            assert await waiting
        assert feed.current()
        await heard.aclose()  # type: ignore[attr-defined]

    for settle in (False, True):
        asyncio.run(asyncio.wait_for(scenario(settle), 30))
    reader.store.close()
