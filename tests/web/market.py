"""A small seeded market in a store, written by the sinks that live runs have: it goes on a bar at a time."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np

from dataflows.batch import Batch
from dataflows.sinks.bus import NullBus
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.station import Sinks
from models.metadata import FORMAT, DataRange, Member, Metadata
from models.registry.register import Versions
from schema.bars import Bars, empty_bars
from schema.features import FeatureRows
from schema.outcomes import OUTCOME, Outcomes, Score
from schema.predictions import Predictions
from schema.ticks import TRADE, ticks_of
from schema.timeframes import parse_timeframes
from tests.sinks.batches import origin

SECOND = 10**9
HORIZON, PATH = 5, 12  # bars
FEATURES = (*(f"feature_{k:02d}" for k in range(20)), "rsi_14")


class Market:
    """`symbols` random walks of 1 s bars that end now, each with a prediction; `step` adds a bar to all."""

    def __init__(self, folder: Path, symbols: int, bars: int, seed: int = 11) -> None:
        self.path = folder / "store.db"
        self.names = [f"SYN{k:03d}" for k in range(symbols)]
        self._random, self._number = np.random.default_rng(seed), 0
        self._begun = (time.time_ns() // SECOND - bars) * SECOND
        self._closes = [100.0 * np.exp(self._random.normal(0, 0.5, symbols))]  # one array a bar
        self._expected: list[np.ndarray] = []
        self.store = SqliteStore(self.path, feature_names=FEATURES)
        columns = [{"name": name, "range": [0.0, 100.0]} for name in FEATURES]
        catalogue = msgspec.json.encode({"fingerprint": "f" * 16, "columns": columns}).decode()
        for name in ("catalogue", "catalogue:" + "f" * 16):
            self.store.put_meta(name, catalogue)
        self._sinks = Sinks(
            self.store, NullBus(), symbols=self.names, timeframes=parse_timeframes("1s"), origin=origin,
            fingerprint="f" * 16, clock=time.time_ns, features_from=0.0,
        )  # fmt: skip
        self.versions = Versions(folder / "models")
        self.champion, self.other = (publish(self.versions, name) for name in ("champion", "other"))
        self.versions.activate(self.champion)
        for _ in range(bars):
            self.step()

    def step(self) -> None:
        """Close a bar of every symbol, predict from it, and judge what was predicted five bars before."""
        self._number += 1
        batch, bars = Batch(self._number), self._bars()
        batch.ticks = ticks_of(1, ts_event=int(bars.time[0]) - 1, symbol=0, kind=TRADE, price=1.0)
        batch.watermark, batch.bars = int(bars.time[0]), bars
        n = len(self.names)
        values = self._random.normal(50, 10, (n, len(FEATURES)))
        batch.features = FeatureRows(values, np.zeros(values.shape, np.uint8))
        batch.predictions = [self._predictions(bars)]
        if self._number > HORIZON:
            batch.outcomes = [self._outcomes(bars)]
            known = (int(bars.time[0]), 0, self.champion, HORIZON, False, self._begun, n, n, n, 0.53, None, None)
            batch.scores = [Score(*known, 0.66, 1.09, 0.05, None, None)]
        self._sinks.step(batch)
        self.store.flush()

    def _bars(self) -> Bars:
        n, k = len(self.names), self._number
        opened = self._closes[-1]
        closed = opened * np.exp(self._random.normal(0, 2e-4, n))
        self._closes.append(closed)
        bars = empty_bars(n)
        for column in bars:
            column[:] = 1
        bars.time[:], bars.start[:] = self._begun + k * SECOND, self._begun + (k - 1) * SECOND
        bars.symbol[:], bars.timeframe[:], bars.sequence[:], bars.offset[:] = np.arange(n), 0, k, k * n + np.arange(n)
        bars.open[:], bars.close[:], bars.mid[:] = opened, closed, closed
        bars.high[:] = np.maximum(opened, closed) * 1.0001
        bars.low[:] = np.minimum(opened, closed) * 0.9999
        bars.volume[:] = self._random.integers(0, 500, n)
        return bars

    def _predictions(self, bars: Bars) -> Predictions:
        n = len(self.names)
        expected = self._random.normal(0, 1e-4, n)
        self._expected.append(expected)
        votes = self._random.dirichlet([6, 6, 6], (2, n))
        down, flat, up = votes.mean(0).T
        steps = np.arange(1, PATH + 1)
        path = np.empty((n, PATH, 4), np.float32)
        path[:, :, 0] = expected[:, None] * steps / HORIZON
        path[:, :, 1] = 3e-4 * np.sqrt(steps)
        path[:, :, 2], path[:, :, 3] = down[:, None], up[:, None]
        direction = np.where(flat >= np.maximum(up, down), 0, np.where(up > down, 1, -1)).astype(np.int8)
        return Predictions(
            time=bars.time, symbol=bars.symbol, timeframe=bars.timeframe, bar_sequence=bars.sequence, horizon=HORIZON,
            current_price=bars.close, predicted_price=bars.close * np.exp(expected), expected_return=expected,
            volatility=np.full(n, 3e-4 * np.sqrt(HORIZON)), unit=np.full(n, 1e-3), p_down=down,
            p_sideways=flat, p_up=up, confidence=np.maximum(up, down) / (up + down), direction=direction,
            risk=np.ones(n, np.int8), members={"gru": votes[0], "trees": votes[1]}, model_version=self.champion,
            fingerprint="f" * 16, tier="cpu", full_tier="cpu", row=np.arange(n), inference_started=time.time_ns(),
            inference_done=time.time_ns(), path=path,
        )  # fmt: skip

    def _outcomes(self, bars: Bars) -> Outcomes:
        begun = self._number - HORIZON
        rows = np.zeros(len(self.names), OUTCOME)
        rows["symbol"], rows["sequence"], rows["time"] = np.arange(len(rows)), begun, self._begun + begun * SECOND
        rows["known_at"], rows["brier"], rows["log_loss"] = bars.time, 0.66, 1.1
        rows["realised"] = np.log(bars.close / self._closes[begun])
        rows["expected"] = self._expected[begun - 1]
        return Outcomes(0, self.champion, HORIZON, rows)


def publish(versions: Versions, name: str) -> str:
    """Publish a version of which nothing but its description is read."""

    def write(folder: Path, version: str) -> None:
        member = Member("net", 1.0, (), {}, 1.0, (1.0, 0.0, 0.0))
        data = DataRange(0, 1, 1, 1, {}, 0.0)
        metadata = Metadata(FORMAT, version, "2026-01-01T00:00:00Z", "1s", HORIZON, PATH, "sigma", 1e-4, (),
                            {"gru": member}, data, {}, {}, "", {})  # fmt: skip
        (folder / "metadata.json").write_bytes(msgspec.json.encode(metadata))

    return versions.publish(name, write)
