"""Items reach the bars that close after them, whatever the batches; those of unknown symbols wait."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.sources.items import NO_LOG, ItemLog
from dataflows.stations.items import ItemFeatures
from dataflows.universe import Universe
from schema.bars import empty_bars
from schema.features import FeatureRows
from schema.items import Items

LOG = ItemLog(
    Items(
        np.array([5, 10, 15, 20, 25]), np.array([0, 1, 0, 1, 0], np.int32), np.zeros(5, np.uint8), np.linspace(-1, 1, 5)
    ),
    ("A", "B"),
    "items.csv:1",
)


class Recorded:
    """Stands for the engine: remembers what it is handed."""

    def __init__(self) -> None:
        self.given: list[tuple[int, int, float]] = []

    def item_features(self, items: Items, feed: np.ndarray, inputs: Any, rows: Any) -> None:
        self.given += zip(items.symbol.tolist(), items.ts_event.tolist(), items.score.tolist())


def closed(number: int, *times: int) -> Batch:
    bars = empty_bars(len(times))
    bars.time[:] = times
    rows = FeatureRows(np.zeros((len(times), 0)), np.zeros((len(times), 0), np.uint8))
    return Batch(number, bars=bars, features=rows, inputs=object())  # type: ignore[arg-type]


def station(universe: Universe, log: ItemLog = LOG) -> tuple[ItemFeatures, list[tuple[int, int, float]]]:
    engine = Recorded()
    return ItemFeatures(engine, universe, log), engine.given  # type: ignore[arg-type]


def test_items_come_with_the_first_close_after_them() -> None:
    flow, given = station(Universe(["A", "B"]))
    flow.step(closed(1, 10))
    assert [time for _, time, _ in given] == [5]
    flow.step(closed(2))
    flow.step(closed(3, 10, 20))
    assert [time for _, time, _ in given] == [5, 10, 15]
    flow.step(closed(4, 1_000))
    assert [time for _, time, _ in given] == [5, 10, 15, 20, 25]


def test_items_of_an_unknown_symbol_wait_for_it() -> None:
    universe = Universe()
    universe.admit("A", 0)
    flow, given = station(universe)
    flow.step(closed(1, 17))
    assert [time for _, time, _ in given] == [5, 15]
    universe.admit("B", 18)
    snapshot = flow.snapshot()
    flow, given = station(universe)
    flow.restore(snapshot)
    flow.step(closed(2, 22))
    assert [(symbol, time) for symbol, time, _ in given] == [(1, 10), (1, 20)]


def test_another_log_is_refused() -> None:
    flow, _ = station(Universe(["A", "B"]))
    other, _ = station(Universe(["A", "B"]), NO_LOG)
    with pytest.raises(ValueError, match=r"made with the items items\.csv:1"):
        other.restore(flow.snapshot())
