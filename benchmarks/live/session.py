"""A topic, a namespace, a subscriber and the lives of a dataflow between them: what one line of the card runs on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.live.closing import Latencies, closing_together, latencies
from benchmarks.live.dataflow import Dataflow
from benchmarks.live.feed import Order, Sent
from benchmarks.live.market import LANES
from benchmarks.live.processes import Feed, Listener, ended
from benchmarks.live.pulse import Pulse
from benchmarks.live.samples import Scrape
from dataflows.kafka.client import Cluster
from dataflows.kafka.topic import create
from dataflows.messages.formats import Format
from ops.errors import CommandFailed
from tests.servers import free_ports

BOUND_MS: Final = 100
BOUND_NS: Final = BOUND_MS * 1_000_000
TIME_BARS, TICK_BARS = (260.0, 2_500.0), (40.0, 25_000.0)  # warm-up: seconds of history, ticks/s; see `warm_up`
SETTLE_S: Final = 180.0  # that all behind the feed gets to finish what it was sent
_IN_FLIGHT: Final = 1_000  # bytes on their way to the store without any rows: each heartbeat's batch is a commit


@dataclass(frozen=True)
class World:
    """The servers, and what all sessions share."""

    kafka: str  # host:port
    questdb: str  # URL
    redis: str
    folder: Path
    pool: Path
    models: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)


@dataclass(frozen=True)
class Window:
    """One feed, and how the dataflow did meanwhile."""

    rate: float
    start_ns: int
    sent: Sent
    log: dict[str, np.ndarray]
    scrapes: list[Scrape]
    memory: list[tuple[float, float, float]]  # s since the start, MB of the dataflow, MB of its helper
    lag_s: list[float]  # seconds of feed that weren't read, at even times of the feed
    cores: float  # that the dataflow used
    settled_s: float  # from the last tick due until all was read, stored and published

    def latencies(self, heard: dict[str, np.ndarray]) -> Latencies:
        """Measure its predictions."""
        return latencies(self.log, heard, self.start_ns, BOUND_NS)

    def together(self, heard: dict[str, np.ndarray]) -> np.ndarray:
        """Return how many bars each closing event closed, sorted."""
        return closing_together(self.log, heard, self.start_ns, BOUND_NS)


class Session:
    """Feeds one dataflow and listens to it."""

    def __init__(self, world: World, model: str, timeframe: str, extra: list[str]) -> None:
        """Make the topic and start everything; `extra` are more settings."""
        self.world, self.name = world, f"b{next(world.numbers)}"
        create(Cluster(world.kafka), self.name, LANES)
        self.folder = folder = world.folder / self.name
        folder.mkdir()
        self.settings = [
            f"source.url=kafka://{world.kafka}/{self.name}", f"order.bound_ms={BOUND_MS}",
            f"bars.timeframes={timeframe}", f"store.url={world.questdb}", f"store.namespace={self.name}",
            f"store.spool_directory={folder}/spool", f"bus.url={world.redis}", f"registry.root={world.models}",
            f"inference.model={model}", f"checkpoint.directory={folder}/checkpoints", "log.level=warning", *extra,
        ]  # fmt: skip
        self.fed = 0  # ticks sent to the topic, over all lives
        self.not_counted = 0.0  # of them, those that the running life doesn't count: lives before read them
        self.listener = Listener(world.redis, f"{self.name}:predictions.*", folder / "heard")
        self.pulse = Pulse(world.kafka, self.name, LANES)
        self.dataflow = self._life()

    def start(self) -> None:
        """Start the dataflow again, where its newest checkpoint left off."""
        self.dataflow = self._life()

    def warm_up(self, seconds: float, rate: float) -> None:
        """Play some history through: symbols are known then, kernels loaded, and of time bars all windows full."""
        self.dataflow.wait_ready()
        self.backlog(rate, seconds, time.time_ns() - int(seconds * 1e9))
        self.pulse.beat()
        self.settle(SETTLE_S)

    def renew(self) -> None:
        """Go on in a new process: the old one's memory holds what the backlog's large batches needed."""
        with self.pulse.stilled():
            self.dataflow.drain()
            self.not_counted = self.fed  # the last checkpoint is behind all of it
            self.start()
            self.dataflow.wait_ready()

    def backlog(self, rate: float, seconds: float, start_ns: int) -> Sent:
        """Append what `seconds` from `start_ns` on bring, as fast as Kafka takes it."""
        with self.pulse.stilled(), ended(Feed(self.order(rate, seconds, paced=False), start_ns)) as feed:
            sent: Sent = feed.result()[0]
        return sent

    def play(self, rate: float, seconds: float, form: Format = Format.COLUMNS, every_s: float = 0.5) -> Window:
        """Feed at a rate for a time; look at the metrics meanwhile; return when all is read, stored and published."""
        scrapes, lag, memory = [self.dataflow.scrape()], list[float](), []
        read = scrapes[0].of("ticks_read_total")
        with self.pulse.stilled(), ended(Feed(self.order(rate, seconds, form))) as feed:
            sleep_until(feed.start_ns)
            busy = self.dataflow.busy_s()
            while time.time_ns() < feed.ends_ns:
                sleep_until(min(scrapes[-1].at_ns + int(every_s * 1e9), feed.ends_ns))
                self.dataflow.check()
                scrapes.append(found := self.dataflow.scrape())
                memory.append(((found.at_ns - feed.start_ns) * 1e-9, *self.dataflow.memory_mb()))
                behind = feed.due(found.at_ns) - (found.of("ticks_read_total") - read)
                lag.append(max(behind, 0.0) / rate)
            cores = (self.dataflow.busy_s() - busy) / seconds
            settled = self.settle(SETTLE_S)  # before the feed is waited for: its end would count as ours
            sent, log = feed.result()
        return Window(
            rate, feed.start_ns, sent, log, scrapes, memory, lag, cores, (settled.at_ns - feed.ends_ns) * 1e-9
        )  # fmt: skip

    def settle(self, patience_s: float) -> Scrape:
        """Wait until everything sent is read, stored and published; return the first look that says so."""
        until = time.monotonic() + patience_s
        while True:
            self.dataflow.check()
            found = self.dataflow.scrape()
            waiting = self.behind(found), found.of("store_spool_bytes"), found.of("bus_waiting_messages")
            if waiting[0] <= 0 and waiting[1] < _IN_FLIGHT and not waiting[2]:
                return found
            if time.monotonic() > until:
                raise CommandFailed(
                    f"bench-live: {patience_s:g} s behind the feed {waiting[0]:,.0f} ticks are still to be read, "
                    f"{waiting[1]:,.0f} bytes to be stored and {waiting[2]:,.0f} messages to be published"
                )
            time.sleep(0.1)

    def behind(self, found: Scrape) -> float:
        """Return how many ticks of the topic the running life hasn't read."""
        return self.fed - self.not_counted - found.of("ticks_read_total")

    def order(self, rate: float, seconds: float, form: Format = Format.COLUMNS, paced: bool = True) -> Order:
        """Return an order for the next feed; its ticks count as fed."""
        log, first, ticks = self.folder / f"fed-{next(self.world.numbers)}.npz", self.fed, round(rate * seconds)
        self.fed += ticks
        return Order(
            str(self.world.pool), self.world.kafka, self.name, str(log), rate, ticks, first, str(form), paced
        )  # fmt: skip

    def _life(self) -> Dataflow:
        return Dataflow(self.settings, free_ports(1)[0], self.folder / "dataflow.log")


@contextmanager
def session(world: World, model: str, timeframe: str = "1s", extra: list[str] | None = None) -> Iterator[Session]:
    """Run a session, warmed up; end its processes whatever happens."""
    opened = Session(world, model, timeframe, extra or [])
    try:
        opened.warm_up(*(TIME_BARS if timeframe == "1s" else TICK_BARS))
        yield opened
    finally:
        opened.pulse.close()
        opened.dataflow.close()
        opened.listener.close()


def sleep_until(at_ns: int) -> None:
    """Sleep until a wall-clock time (ns)."""
    if (left := (at_ns - time.time_ns()) * 1e-9) > 0:
        time.sleep(left)
