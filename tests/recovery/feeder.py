"""A process of its own that publishes a market while the dataflow is killed; it says how many ticks there were."""

from __future__ import annotations

import multiprocessing
import random
from multiprocessing.connection import Connection
from typing import Final

from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.kafka.publisher import Publisher
from dataflows.messages.formats import Format
from dataflows.sources.synthetic import SyntheticMarket
from schema.ticks import count
from tests.recovery.stack import PARTITIONS, Site

SYMBOLS: Final = 8
_DAY: Final = 86_400.0  # seconds of market there are
_PATIENCE: Final = 120.0  # seconds for the brokers to take everything: they may have been killed


class Feeder:
    """Ticks of a seeded market, the share of faults and of late ones in it; mostly columnar messages."""

    def __init__(self, site: Site, seed: int) -> None:
        """Begin; nothing is published yet."""
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_feed, args=(theirs, site.stack.kafka.address, site.topic, seed), daemon=True
        )
        self._process.start()

    def publish(self, ticks: int) -> None:
        """Ask for about so many more ticks; returns at once."""
        self._pipe.send(ticks)

    def sync(self) -> int:
        """Publish what was asked for, tell all partitions how far time is, see all delivered; return all ticks so far.

        All partitions then show the same time, so that every process has released the same ticks.
        """
        self._pipe.send(0)
        if not self._pipe.poll(2 * _PATIENCE):
            raise AssertionError("the feeder does not answer")
        return int(self._pipe.recv())

    def end(self) -> int:
        """As `sync`, for the last time."""
        published = self.sync()
        self._pipe.send(None)
        self._process.join()
        return published


def _feed(pipe: Connection, servers: str, topic: str, seed: int) -> None:
    market = SyntheticMarket(
        SYMBOLS, seed=seed, duration_s=_DAY, lanes=PARTITIONS, faults=0.01, batch_size=200
    )  # fmt: skip
    rng, delivery = random.Random(seed), Delivery(Cluster(servers), topic)
    forms = {form: Publisher(delivery, form, 50) for form in (Format.COLUMNS, Format.MSGPACK, Format.JSON)}
    asked = sent = 0
    while (more := pipe.recv()) is not None:
        asked += more
        while sent < asked:
            arrivals = market.next_batch()
            assert arrivals is not None
            sent += count(arrivals.ticks)
            forms[rng.choices(list(forms), (8, 1, 1))[0]].publish(arrivals)
        if not more:
            forms[Format.COLUMNS].beat(max(publisher.newest for publisher in forms.values()), PARTITIONS)
            if left := delivery.flush(_PATIENCE):
                raise AssertionError(f"{left} messages of the feeder are not delivered")
            pipe.send(sum(publisher.ticks for publisher in forms.values()))
