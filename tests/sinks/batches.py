"""Batches as the stations before the sinks leave them."""

from __future__ import annotations

import time

import numpy as np

from dataflows.batch import Batch, DeadLetter
from dataflows.sinks.stores import OpenedStore
from schema.bars import Bars, empty_bars
from schema.events import Decision, DecisionKind, Event, EventKind
from schema.features import FeatureRows
from schema.predictions import Predictions
from schema.reasons import Dead
from schema.ticks import QUOTE, TRADE, ticks_of
from schema.timeframes import parse_timeframes

START = 1_381_239_000_000_000_000  # 2013-10-08 13:30 UTC
SYMBOLS = ["AAPL", "MSFT", "IBM"]
TIMEFRAMES = parse_timeframes("1s,1m")
FEATURES = ("ema_8", "rsi_14")


def shipped(store: OpenedStore) -> None:
    """Wait until the store's server has what was flushed: a slow one is taken for away, and rows wait on our disk."""
    until = time.monotonic() + 60.0
    while store.state().waiting and time.monotonic() < until:
        time.sleep(0.01)


def origin(lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Name the place of a tick as a source would: two files, rows counted from 1."""
    return [f"day{k}.parquet" for k in lane.tolist()], lane * 0, offset + 1


def bars_at(second: int, timeframe: int = 1) -> Bars:
    """One closed bar a symbol."""
    bars = empty_bars(len(SYMBOLS))
    for column in bars:
        column[:] = 1
    bars.time[:], bars.start[:] = START + second * 10**9, START + (second - 1) * 10**9
    bars.symbol[:], bars.timeframe[:] = np.arange(len(SYMBOLS)), timeframe
    bars.sequence[:], bars.offset[:] = second, second * 100 + np.arange(len(SYMBOLS))
    bars.close[:] = [60_000.01, 0.0001, np.nan]
    return bars


def predictions_for(bars: Bars, version: str = "m1") -> Predictions:
    """One prediction a bar; the last one is undefined where it can be."""
    n = len(bars.time)
    share = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.25, 0.5, 0.25]])[:n]
    votes = share.copy()
    votes[-1] = np.nan
    return Predictions(
        time=bars.time, symbol=bars.symbol, timeframe=bars.timeframe, bar_sequence=bars.sequence, horizon=1,
        current_price=bars.close, predicted_price=bars.close * 1.0005, expected_return=np.array([5e-4, -2e-3, np.nan]),
        volatility=np.array([1e-3, 2e-3, np.nan]), unit=np.full(3, 1e-3),
        p_down=share[:, 0], p_sideways=share[:, 1], p_up=share[:, 2],
        confidence=share.max(1), direction=np.array([1, -1, 0], np.int8), risk=np.array([0, 2, 1], np.int8),
        members={"gru": votes, "trees": share}, model_version=version, fingerprint="f" * 16, tier="cpu",
        row=np.arange(n), inference_started=10, inference_done=20,
    )  # fmt: skip


def full_batch(number: int) -> Batch:
    """A batch that brings something to every table."""
    batch = Batch(number)
    ticks = ticks_of(
        2, ts_event=[START, START + 1], symbol=[0, 1], kind=[TRADE, QUOTE], price=[1.5, np.nan], bid=[np.nan, 2.0],
        offset=[10 * number, 10 * number + 1],
    )  # fmt: skip
    batch.ticks, batch.watermark = ticks, START + 5
    batch.late = ticks_of(1, ts_event=START - 9, symbol=2, kind=TRADE, price=3.0, offset=10 * number + 2)
    batch.late_watermark = np.array([START])
    batch.dead = [DeadLetter(0, "??", Dead.BAD_PRICE, "price=-1", "a price above 0", 1, 10 * number + 3, 4)]
    batch.bars = bars_at(number)
    batch.features = FeatureRows(np.array([[1.0, 2.0], [np.nan, 4.0], [5.0, 6.0]]), np.eye(3, 2, dtype=np.uint8))
    batch.predictions = [predictions_for(batch.bars)]
    batch.decisions = [Decision(START + number, DecisionKind.TIER, "cpu", details={"why": "no gpu"})]
    batch.events = [Event(START, EventKind.SPLIT, symbol, 0, 5, {"ratio": 7}) for symbol in ("AAPL", "MSFT")]
    return batch
