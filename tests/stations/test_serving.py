"""Predictions go out before the batch is written, once, under the names and with the numbers that are written."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from dataflows.sinks.bus import InProcessBus
from dataflows.sinks.memory import MemoryStore
from dataflows.sinks.station import Sinks
from dataflows.stations.names import Names
from dataflows.stations.serving import ServingStation
from dataflows.universe import Universe
from tests.sinks.batches import FEATURES, START, SYMBOLS, TIMEFRAMES, full_batch, origin, predictions_for

NOW = START + 10**12


def served(universe: Universe, store: MemoryStore, bus: InProcessBus) -> tuple[Sinks, ServingStation]:
    sinks = Sinks(
        store, bus, symbols=lambda: universe.names, timeframes=TIMEFRAMES, origin=origin, fingerprint="f" * 16,
        clock=lambda: NOW,
    )  # fmt: skip
    return sinks, ServingStation(sinks, universe)


def numbers(store: MemoryStore) -> list[tuple[str, int]]:
    return [(row["symbol"], row["sequence"]) for row in store.query("SELECT * FROM predictions ORDER BY sequence")]


def heard(bus_end: Any) -> list[tuple[str, int]]:
    bodies = (json.loads(message.body) for message in bus_end.take(0))
    return [(body["symbol"], body["sequence"]) for body in bodies if "sequence" in body]


def test_predictions_are_published_before_anything_is_written_and_only_once() -> None:
    store, bus = MemoryStore(feature_names=FEATURES), InProcessBus()
    sinks, serving = served(Universe(SYMBOLS), store, bus)
    listener = bus.subscribe("*")
    for number in (1, 2):
        batch = full_batch(number)
        batch.predictions = [predictions_for(batch.bars)]
        serving.step(batch)
        said = heard(listener)
        assert len(said) == 3 and len(numbers(store)) == 3 * (number - 1)
        assert batch.stamps.published == NOW
        sinks.step(batch)
        assert heard(listener) == [] and numbers(store)[-3:] == said
    assert [sequence for _, sequence in numbers(store)] == [1, 2, 3, 4, 5, 6]
    assert (sinks.snapshot()["sequence"], serving.snapshot()) == (6, {})


def test_renamed_predictions_are_published_and_written_under_the_names_of_their_time() -> None:
    store, bus, universe = MemoryStore(feature_names=FEATURES), InProcessBus(), Universe([*SYMBOLS, "NEW"])
    sinks, serving = served(universe, store, bus)
    listener = bus.subscribe("*")
    batch = full_batch(1)
    batch.predictions = [predictions_for(batch.bars)]
    universe.renames.move({0: len(SYMBOLS)}, int(batch.bars.time.min()) - 1)
    old = np.array(batch.predictions[0].symbol)
    serving.step(batch)
    np.testing.assert_array_equal(batch.predictions[0].symbol, old, "stations behind it know series")
    sinks.step(Names(universe).step(batch))
    expected = [("NEW" if k == 0 else SYMBOLS[k], n + 1) for n, k in enumerate(old.tolist())]
    assert "NEW" in dict(expected)
    assert heard(listener) == expected and numbers(store) == expected
