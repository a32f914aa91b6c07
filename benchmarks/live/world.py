"""Kafka, QuestDB and Redis in a temporary folder on free ports, and the pool of ticks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.live import market
from benchmarks.live.session import World
from tests.servers import running_kafka, running_questdb, running_redis


@contextmanager
def world(models: Path, symbols: int, faults: float) -> Iterator[World]:
    """Start the servers, draw the market; end and remove everything behind it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-live-")))
        kafka = stack.enter_context(running_kafka(folder / "kafka"))
        questdb = stack.enter_context(running_questdb(folder / "questdb"))
        redis = stack.enter_context(running_redis(folder / "redis"))
        pool = folder / "pool.npz"
        market.save(market.draw(symbols, faults), pool)
        yield World(kafka.address, questdb.address, redis.address, folder, pool, models.absolute())
