"""Record from a fake exchange in this process, with all waits short."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from random import Random

from dataflows.ingest.client import Client, Patience
from dataflows.ingest.recorder import MILLISECOND, Recorder, Times
from dataflows.ingest.target import SegmentTarget
from dataflows.ingest.venues import venue_of
from dataflows.segments.writer import Policy
from tests.ingest.exchange import FakeExchange, Faults
from tests.ingest.ledger import Ledger

SYMBOLS = {"binance": ("BTCUSDT", "ETHUSDT", "BNBBTC"), "coinbase": ("BTC-USD", "ETH-USD", "SOL-USD")}
QUICK = Patience(
    connect=2.0, stall=0.7, ping=5.0, backoff=0.05, backoff_most=0.2, steady=5.0, batch=0.01, message_bytes=100_000
)
TIMES = Times(reorder=300 * MILLISECOND, heartbeat=200 * MILLISECOND, outage=500 * MILLISECOND)


async def session(exchange: FakeExchange, root: Path, seconds: float, patience: Patience = QUICK) -> Recorder:
    """Record for a while with the exchange's faults, then a little without, so that all that is lost shows."""
    stop, faults = asyncio.Event(), exchange.faults
    serving = asyncio.create_task(exchange.run(stop))
    while not exchange.port:
        await asyncio.sleep(0.01)
    target = SegmentTarget(root, exchange.venue, Policy(sync_ms=-1, segment_bytes=50_000))
    recorder = Recorder(venue_of(exchange.venue), exchange.symbols, target, TIMES, time.time_ns())
    client = Client(recorder, exchange.symbols, exchange.url, patience, Random(exchange.seed))
    began = time.monotonic()

    def stopped() -> bool:
        ended = time.monotonic() - began - seconds
        if ended >= 0:
            exchange.faults = Faults()
        return ended >= 1.0 and exchange.steady

    await client.run(stopped)
    stop.set()
    await serving
    exchange.faults = faults
    return recorder


def record(exchange: FakeExchange, root: Path, seconds: float, patience: Patience = QUICK) -> tuple[Recorder, Ledger]:
    recorder = asyncio.run(session(exchange, root, seconds, patience))
    return recorder, Ledger.of(root)


def exchange_of(venue: str, seed: int = 1, **faults: float) -> FakeExchange:
    return FakeExchange(venue, SYMBOLS[venue], seed, faults=Faults(**faults))  # type: ignore[arg-type]
