"""A store with bars and predictions of many symbols, and a writer that adds to it every second.

    python -m benchmarks.serving.market STORE.db SYMBOLS SECONDS

prints one line a second: the first output sequence, how many, and when they were committed (ns UTC).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from dataflows.batch import Batch
from dataflows.sinks.bus import NullBus
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import COUNTED, Sinks
from schema.bars import Bars, empty_bars
from schema.features import FeatureRows
from schema.predictions import Predictions
from schema.timeframes import SECOND, parse_timeframes

TIMEFRAME = "1s"
HISTORY = 120  # bars a symbol before the writer begins
FEATURES = tuple(f"column_{k}" for k in range(64))
VERSION = "load_20260101_000000"


def names(symbols: int) -> list[str]:
    """Return the symbols' names."""
    return [f"S{k:04d}" for k in range(symbols)]


class Market:
    """Writes a bar, a feature row and a prediction of each symbol, second by second."""

    def __init__(self, path: Path, symbols: int, begun: int = 0) -> None:
        """Open the store, which holds `begun` batches."""
        self._store = SqliteStore(path, feature_names=FEATURES)
        self._n, self._random = symbols, np.random.default_rng(1)
        self._sinks = Sinks(
            self._store, NullBus(), symbols=names(symbols), timeframes=parse_timeframes(TIMEFRAME),
            origin=lambda lane, offset: (["load"] * len(lane), lane * 0, offset), fingerprint="f" * 16,
            clock=time.time_ns, features_from=0.0,
        )  # fmt: skip
        self._close = np.full(symbols, 100.0)
        self._batch = begun
        totals = dict.fromkeys(COUNTED, 0)
        self._sinks.restore({"sequence": begun * symbols, "number": begun, "totals": totals, "champions": {}})

    def step(self, at: int) -> None:
        """Write the bars that close at `at` (ns UTC) and what belongs to them."""
        self._batch += 1
        self._close *= np.exp(self._random.normal(0, 1e-4, self._n))
        batch = Batch(self._batch)
        batch.bars = bars = self._bars(at)
        batch.features = FeatureRows(
            self._random.standard_normal((self._n, len(FEATURES))), np.zeros((self._n, len(FEATURES)), np.uint8)
        )
        batch.predictions = [_predictions(bars, self._random)]
        self._sinks.step(batch)
        self._store.flush()

    def _bars(self, at: int) -> Bars:
        bars = empty_bars(self._n)
        for column in bars:
            column[:] = 1
        bars.time[:], bars.start[:], bars.timeframe[:], bars.symbol[:] = at, at - SECOND, 0, np.arange(self._n)
        bars.sequence[:], bars.offset[:] = self._batch, self._batch * self._n + np.arange(self._n)
        bars.close[:], bars.volume[:] = self._close, self._random.integers(1, 100, self._n)
        return bars

    def close(self) -> None:
        """End it."""
        self._store.close()


def _predictions(bars: Bars, random: np.random.Generator) -> Predictions:
    n = len(bars.time)
    p = random.dirichlet((2, 2, 2), n)
    expected = random.normal(0, 1e-4, n)
    return Predictions(
        time=bars.time, symbol=bars.symbol, timeframe=bars.timeframe, bar_sequence=bars.sequence, horizon=1,
        current_price=bars.close, predicted_price=bars.close * np.exp(expected), expected_return=expected,
        volatility=np.full(n, 1e-4), unit=np.full(n, 1e-4), p_down=p[:, 0], p_sideways=p[:, 1], p_up=p[:, 2],
        confidence=np.maximum(p[:, 0], p[:, 2]) / (p[:, 0] + p[:, 2]), direction=np.ones(n, np.int8),
        risk=np.ones(n, np.int8), members={"gru": p, "lightgbm": p}, model_version=VERSION, fingerprint="f" * 16,
        tier="cpu", row=np.arange(n), inference_started=1, inference_done=2,
    )  # fmt: skip


def fill(path: Path, symbols: int) -> None:
    """Write the history up to now."""
    now = time.time_ns() // SECOND * SECOND
    market = Market(path, symbols)
    for k in range(HISTORY):
        market.step(now - (HISTORY - k) * SECOND)
    market.close()


def main(path: Path, symbols: int, seconds: int) -> None:
    """Write on the second, and say what was written when."""
    market = Market(path, symbols, HISTORY)
    for k in range(seconds):
        due = (time.time_ns() // SECOND + 1) * SECOND
        time.sleep((due - time.time_ns()) / SECOND)
        market.step(due)
        print((HISTORY + k) * symbols + 1, symbols, time.time_ns(), flush=True)
    market.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
