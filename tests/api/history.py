"""Thirty days of hourly bars of two symbols in a store, with predictions at the end, and the same as plain lists."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from dataflows.batch import Batch
from dataflows.sinks.bus import NullBus
from dataflows.sinks.station import Sinks
from dataflows.sinks.stores import OpenedStore
from schema.bars import empty_bars
from schema.features import FeatureRows
from schema.timeframes import parse_timeframes
from tests.api.conftest import NOW
from tests.sinks.batches import FEATURES, origin, predictions_for

HOUR = 3_600_000_000_000
DAY = 24 * HOUR
FIRST_DAY = 19_000 * DAY  # a midnight, UTC
DAYS, HOURS, OPEN = 30, 7, 14  # trading days in a row, bars a day, hour in which the first bar opens
SYMBOLS = ["AAPL", "MSFT", "NEW"]  # NEW has three bars only
# log return, volatility, probability of down and of up at 1, 2 and 3 bars
PATH = np.array([[5e-4, 1e-3, 0.2, 0.5], [1e-3, 2e-3, 0.25, 0.5], [-2e-3, 3e-3, 0.625, 0.125]], np.float32)


@dataclass(frozen=True)
class History:
    """Of AAPL: times (ns UTC), closes and volumes of its bars, oldest first."""

    time: np.ndarray
    close: np.ndarray
    volume: np.ndarray


def fill(store: OpenedStore) -> History:
    """Write bars and, with the last five of each symbol, predictions."""
    random = np.random.default_rng(7)
    time = np.array([FIRST_DAY + d * DAY + (OPEN + h + 1) * HOUR for d in range(DAYS) for h in range(HOURS)])
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.004, (len(time), 2)), axis=0))  # (bars, symbols)
    volume = random.integers(0, 1000, (len(time), 2)).astype(float)
    sinks = Sinks(
        store, NullBus(), symbols=SYMBOLS, timeframes=parse_timeframes("1h"), origin=origin, fingerprint="f" * 16,
        clock=lambda: NOW,
    )  # fmt: skip
    columns = [{"name": name, "range": [0.0, None]} for name in FEATURES]
    store.put_meta("catalogue", msgspec.json.encode({"fingerprint": "f" * 16, "columns": columns}).decode())
    for k in range(len(time)):
        late = k >= len(time) - 3
        batch, n = Batch(k + 1), 3 if late else 2
        bars = empty_bars(n)
        for column in bars:
            column[:] = 1
        bars.time[:], bars.start[:], bars.timeframe[:] = time[k], time[k] - HOUR, 0
        bars.symbol[:], bars.sequence[:], bars.offset[:] = np.arange(n), k, 10 * k + np.arange(n)
        bars.close[:2], bars.volume[:2] = close[k], volume[k]
        batch.bars = bars
        batch.features = FeatureRows(np.full((n, 2), 50.0 + k / 100), np.zeros((n, 2), np.uint8))
        if late:
            batch.predictions = [predictions_for(bars)]
            batch.predictions[0].path = np.tile(PATH, (n, 1, 1))
        sinks.step(batch)
    store.flush()
    return History(time, close[:, 0], volume[:, 0])
