"""A live flow over real servers, each behind a proxy, and a verifier that recomputes everything from the topic."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from prometheus_client import REGISTRY

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.kafka.publisher import Publisher
from dataflows.live import assemble_live
from dataflows.messages.formats import Format
from dataflows.sources.synthetic import SyntheticMarket
from dataflows.stored import open_place
from ops.meter import Meter
from ops.settings import Settings, load
from schema.tables import TABLES
from tests.kafka.topics import ends, new_topic, opened
from tests.network.proxy import Proxy, proxied
from tests.recovery.rigs import CLOCKS
from tests.servers import free_kafka_ports, free_ports, running_kafka, running_questdb, running_redis
from tests.sinks.conftest import new_namespace

LANES, SYMBOLS, PACE = 2, 6, 10.0
NAMES = ",".join(f"SYN{k:03d}" for k in range(SYMBOLS))
FAMILIES = "calendar,statistical"
COMMON = ["bars.timeframes=1s,10s", f"features.families={FAMILIES}", f"universe.symbols={NAMES}"]


@dataclass(frozen=True)
class Servers:
    """Real servers; who goes by a proxy's port meets its fault, who goes by theirs doesn't."""

    kafka: str  # bootstrap.servers
    questdb: str  # store.url
    redis: str  # bus.url
    behind: dict[str, Proxy]  # kafka, questdb, reads, redis

    def heal(self) -> None:
        """End all faults."""
        for proxy in self.behind.values():
            proxy.heal()


@contextmanager
def proxied_servers(folder: Path) -> Iterator[Servers]:
    """Run the three servers and a proxy before each port."""
    with ExitStack() as stack:
        ports, (behind,) = free_kafka_ports(), free_ports(1)
        kafka_proxy = stack.enter_context(proxied(behind))
        direct, controller = (f"127.0.0.1:{ports[purpose]}" for purpose in ("clients", "controller"))
        kafka = stack.enter_context(
            running_kafka(
                folder / "kafka", ports, inter_broker_listener_name="PLAINTEXT",
                listeners=f"PLAINTEXT://{direct},BEHIND://127.0.0.1:{behind},CONTROLLER://{controller}",
                advertised_listeners=f"PLAINTEXT://{direct},BEHIND://127.0.0.1:{kafka_proxy.port}",
                listener_security_protocol_map="PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT",
            )
        )  # fmt: skip
        questdb = stack.enter_context(running_questdb(folder / "questdb")).questdb
        bus = stack.enter_context(running_redis(folder / "redis"))
        yield Servers(
            kafka.address, f"{questdb.url}?pg={questdb.pg}", bus.address,
            {"kafka": kafka_proxy, "questdb": stack.enter_context(proxied(questdb.http)),
             "reads": stack.enter_context(proxied(questdb.pg)),
             "redis": stack.enter_context(proxied(bus.ports["clients"]))},
        )  # fmt: skip


class Feeder:
    """A market of 120 ticks a second of its own time, published into a topic at ten times that."""

    def __init__(self, servers: str, topic: str) -> None:
        self._delivery = Delivery(Cluster(servers), topic)
        self._publisher = Publisher(self._delivery, Format.COLUMNS, 50)
        self._market = SyntheticMarket(SYMBOLS, seed=5, duration_s=7_200, lanes=LANES, faults=0.01, batch_size=100)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    @property
    def ticks(self) -> int:
        return self._publisher.ticks

    def end(self) -> None:
        """Let everything be delivered, and a heartbeat that releases it behind that."""
        self._ended.set()
        self._thread.join()
        self._publisher.beat(self._publisher.newest + 2 * 10**9, LANES)
        assert self._delivery.flush(60.0) == 0
        self._delivery.close()

    def _feed(self) -> None:
        began = time.monotonic()
        while not self._ended.is_set():
            arrivals = self._market.next_batch()
            assert arrivals is not None
            self._publisher.publish(arrivals)
            self._delivery.poll()
            due = self.ticks / (120 * PACE)
            self._ended.wait(max(0.0, began + due - time.monotonic()))


class Live:
    """The dataflow in a thread of this process, as `undertone run` drives it, metered."""

    def __init__(self, servers: Servers, registry: Path, folder: Path, *more: str) -> None:
        self.servers, self.registry = servers, registry
        self.topic, self.namespace = new_topic(servers.kafka, LANES), new_namespace()
        ports = {name: proxy.port for name, proxy in servers.behind.items()}
        self.settings = load(
            [],
            [
                *COMMON, f"source.url=kafka://127.0.0.1:{ports['kafka']}/{self.topic}",
                f"store.url=questdb://127.0.0.1:{ports['questdb']}?pg={ports['reads']}",
                f"bus.url=redis://127.0.0.1:{ports['redis']}/0", f"store.namespace={self.namespace}",
                f"store.spool_directory={folder}/spool", f"checkpoint.directory={folder}/checkpoints",
                "checkpoint.every_s=0.5", f"registry.root={registry}", "store.features_from_s=0",
                "inference.device=cpu", *more,
            ],
            {},
            {},
        )  # fmt: skip
        self.error: BaseException | None = None
        self.flow: Flow = assemble_live(self.settings)
        meter = Meter(self.flow)
        self.flow.pipeline.on_batch = meter.note
        self._drain = threading.Event()
        self.flow.pipeline.drain_asked = lambda: bool(meter.look()) or self._drain.is_set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.flow.pipeline.run()
            self.flow.finish()
        except BaseException as error:
            self.error = error

    def drain(self, seconds: float = 120.0) -> None:
        """Let it end as SIGTERM does; it must within `seconds`."""
        self._drain.set()
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the flow doesn't drain"
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self._drain.set()
        self.servers.heal()
        self._thread.join(60)
        self.flow.close()

    @property
    def predictions(self) -> int:
        return self.flow.tally.counts.predictions

    @property
    def counted(self) -> int:
        """The batch of the newest checkpoint that counts."""
        checkpoints = self.flow.pipeline.checkpoints
        assert checkpoints is not None
        return checkpoints.counted

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            if self.error is not None:
                raise self.error
            state = self.flow.store.state(), self.flow.bus.state()
            assert time.monotonic() < until, f"not within {seconds} s: {what}; {state}"
            time.sleep(0.02)

    def wait_for_all(self, feeder: Feeder) -> None:
        """Wait until what was fed is read, stored and published."""
        feeder.end()
        source, until = self.flow.pipeline.source, list(ends(self.servers.kafka, self.topic).values())
        self.wait(lambda: source.position()["offsets"] == until, "the topic is read")
        self.wait(lambda: self.flow.bus.flush(0.1), "the stream has everything")


def metric(name: str) -> float:
    """Read a metric as Prometheus does."""
    found = REGISTRY.get_sample_value(name)
    assert found is not None, name
    return found


def expected(settings: Settings, servers: Servers, topic: str) -> tuple[Flow, dict[str, list[dict[str, Any]]]]:
    """Run all that the topic holds through a flow with embedded sinks; return it and its rows."""
    embedded = load(
        [], [*COMMON, f"registry.root={settings.registry.root}", "store.url=memory:", "bus.url=null:",
             "store.features_from_s=0", "inference.device=cpu"], {}, {},
    )  # fmt: skip
    source = opened(servers.kafka, topic)  # not to a recorded end, where bars close that live still holds open
    flow, until = assemble(embedded, source), list(ends(servers.kafka, topic).values())
    while source.position()["offsets"] != until:
        flow.pipeline.advance()
    flow.store.flush()
    rows = {
        table: list(flow.store.query(f"SELECT * FROM {table} ORDER BY {', '.join(map(quoted, TABLES[table].key))}"))
        for table in COMPARED
    }
    flow.close()
    return flow, rows


COMPARED = ("bars", "features", "predictions", "dead_letters", "late_ticks")


def quoted(name: str) -> str:
    return f'"{name}"'


def verify(live: Live) -> None:
    """See that nothing is lost, nothing doubled, nothing altered: in the store, in the stream, in the certificate."""
    theirs, wanted = expected(live.settings, live.servers, live.topic)
    place = open_place(live.servers.questdb, live.namespace)
    for table, rows in wanted.items():
        columns = [column for column in place.columns(table) if column not in CLOCKS]
        found = list(place.rows(table, columns, order=TABLES[table].key))
        assert len(found) == len(rows) > 0, (table, len(found), len(rows))
        for ours, row in zip(found, rows):
            assert ours == tuple(row[column] for column in columns), (table, ours, row)
    assert live.flow.certifier.certificate() == theirs.certifier.certificate()
    sequences = [row[0] for row in place.rows("predictions", ["sequence"], order=["sequence"])]
    assert sequences == list(range(1, len(sequences) + 1))
    client = redis.Redis.from_url(live.servers.redis)
    entries = client.xrange(f"{live.namespace}:predictions")
    client.close()
    assert [int(entry.split(b"-")[0]) for entry, _ in entries] == sequences
