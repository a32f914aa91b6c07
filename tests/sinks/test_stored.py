"""What a run stored is read the same from every store, while its writer goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dataflows.interfaces import EndOfInput
from dataflows.sinks.bus import NullBus
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore, open_store
from dataflows.sources.stored import StoredTicks
from dataflows.stored import Place, open_place
from dataflows.verify import first_difference
from schema.events import DecisionKind
from schema.ticks import count
from tests.sinks.batches import FEATURES, START, SYMBOLS, TIMEFRAMES, full_batch, origin, shipped
from tests.sinks.conftest import new_namespace, questdb_url


def filled(url: str, namespace: str, spool: Path, close: float = 60_000.01) -> OpenedStore:
    """Write three batches through the sinks."""
    store = open_store(url, namespace, FEATURES, QuestDbOptions(spool))
    station = Sinks(
        store, NullBus(), symbols=SYMBOLS, timeframes=TIMEFRAMES, origin=origin, fingerprint="f" * 16,
        clock=lambda: START, store_ticks=True, namespace=namespace,
    )  # fmt: skip
    for number in (1, 2, 3):
        batch = full_batch(number)
        batch.bars.close[0] = close if number == 2 else 60_000.01
        station.step(batch)
    store.flush()
    shipped(store)
    return store


@pytest.fixture
def namespace() -> str:
    return new_namespace()


@pytest.fixture(params=["sqlite", "questdb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "questdb":
        return questdb_url(request.getfixturevalue("questdb"))
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str, namespace: str, tmp_path: Path) -> Iterator[OpenedStore]:
    opened = filled(url, namespace, tmp_path / "spool")
    yield opened
    opened.close()


def test_rows_columns_decisions_and_own_values(store: OpenedStore, url: str, namespace: str) -> None:
    place = Place.parse(f"{url}#{namespace}")
    assert place.columns("features")[-2:] == list(FEATURES)
    rows = list(place.rows("bars", ["time", "symbol", "close"]))
    assert [row[1] for row in rows[:3]] == ["AAPL", "IBM", "MSFT"] and rows[1][2] is None
    assert [row[0] for row in rows[::3]] == [START + k * 10**9 for k in (1, 2, 3)]
    assert [d.kind for d in place.decisions()] == [DecisionKind.TIER] * 3
    assert (place.meta("committed"), place.meta("nothing"), place.newest_sequence()) == ("3", None, 9)
    assert [row["bar_sequence"] for row in place.newest("predictions", 2, symbol="IBM")] == [3, 2]


def test_a_place_without_tables_says_so(url: str, namespace: str, store: OpenedStore) -> None:
    empty = open_place(url, new_namespace())
    assert empty.newest_sequence() is None and empty.meta("committed") is None
    with pytest.raises(ValueError, match=r"has no table bars; name another as \w+://.*#namespace"):
        empty.columns("bars")


def test_stored_ticks_are_a_source(store: OpenedStore, url: str, namespace: str) -> None:
    source, read = StoredTicks(open_place(url, namespace), batch_size=4), 0
    while True:
        try:
            arrivals = source.next_batch()
        except EndOfInput:
            break
        assert arrivals is not None and set(arrivals.names) <= set(SYMBOLS)
        read += count(arrivals.ticks)
        source.seek(source.position())
    assert read == 6


def test_two_stores_are_compared_bit_by_bit(
    store: OpenedStore, url: str, namespace: str, tmp_path: Path, questdb: object
) -> None:
    """One side is SQLite or QuestDB, the other is QuestDB: equal, but for the bar that was altered."""
    other, altered = new_namespace(), new_namespace()
    server = questdb_url(questdb)
    filled(server, other, tmp_path / "spool").close()
    filled(server, altered, tmp_path / "spool", close=float(np.nextafter(60_000.01, 1e9))).close()
    place = open_place(url, namespace)
    difference, equal = first_difference(place, Place.parse(f"{server}#{other}"))
    assert difference is None and equal == {"bars": 9, "features": 9, "predictions": 9}
    found, _ = first_difference(place, Place.parse(f"{server}#{altered}"))
    assert found is not None and (found.symbol, found.column, found.time) == ("AAPL", "close", START + 2 * 10**9)
