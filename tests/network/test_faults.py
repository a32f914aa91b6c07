"""A broken network between us and each server, one fault after the other: seconds here, minutes by FAULT_SECONDS=120.

During each fault the flow waits or degrades as docs/servers.md says, and says so; when it ends the flow recovers by
itself; in the end nothing is lost, doubled or altered.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from tests.network.conftest import Start
from tests.network.live import Feeder, Live, metric, verify
from tests.network.proxy import Proxy

SECONDS = float(os.environ.get("FAULT_SECONDS", "2"))
FAULTS: dict[str, Callable[[Proxy], None]] = {
    "delay": lambda proxy: proxy.delay(0.2),
    "cut": lambda proxy: proxy.cut(after=3_000),
    "reset": lambda proxy: proxy.reset(),
    "half open": lambda proxy: proxy.half_open(),
    "slow": lambda proxy: proxy.slow(20_000),
}
GONE = ("reset", "half open")  # nothing passes


def felt(live: Live, server: str, seconds: float = SECONDS) -> None:
    """Let a fault last, and see that it was one."""
    time.sleep(seconds)
    live.wait(lambda: live.servers.behind[server].felt > 0, f"{server} feels it")


def progress(live: Live) -> None:
    """See that predictions are made, that checkpoints count, and that both sinks say that they are well."""
    predictions, counted = live.predictions, live.counted
    live.wait(lambda: live.predictions > predictions, "predictions")
    live.wait(lambda: live.counted > counted, "a checkpoint that counts")
    live.wait(lambda: metric("undertone_store_state") == 0, "the store is up")
    live.wait(lambda: metric("undertone_bus_state") == 0, "the bus is up")


def finished(live: Live, feeder: Feeder) -> None:
    live.wait_for_all(feeder)
    live.drain()
    verify(live)


@pytest.mark.slow
def test_questdb_behind_a_broken_network(start: Start) -> None:
    live, feeder = start()
    progress(live)
    for fault, begin in FAULTS.items():
        begin(live.servers.behind["questdb"])
        predictions, counted = live.predictions, live.counted
        felt(live, "questdb")
        if fault in GONE:
            live.wait(lambda: metric("undertone_store_state") == 1, f"{fault}: rows are spooled")
            assert metric("undertone_store_spool_bytes") > 0
            live.wait(lambda before=counted: live.counted > before, f"{fault}: the spool acknowledges")
        live.wait(lambda before=predictions: live.predictions > before, f"{fault}: the flow goes on")
        assert metric("undertone_bus_state") == 0, "the bus has nothing to do with it"
        live.servers.heal()
        progress(live)
    finished(live, feeder)


@pytest.mark.slow
def test_redis_behind_a_broken_network(start: Start) -> None:
    live, feeder = start()
    progress(live)
    for fault, begin in FAULTS.items():
        begin(live.servers.behind["redis"])
        predictions, counted = live.predictions, live.counted
        felt(live, "redis")
        if fault in GONE:
            live.wait(lambda: metric("undertone_bus_state") == 3, f"{fault}: the bus is away")
        live.wait(lambda before=predictions: live.predictions > before, f"{fault}: the flow goes on")
        live.wait(lambda before=counted: live.counted > before, f"{fault}: rows are stored")
        assert metric("undertone_store_state") == 0, "the store has nothing to do with it"
        live.servers.heal()
        progress(live)
    finished(live, feeder)


@pytest.mark.slow
def test_kafka_behind_a_broken_network(start: Start) -> None:
    live, feeder = start()
    progress(live)
    for fault, begin in FAULTS.items():
        begin(live.servers.behind["kafka"])
        felt(live, "kafka")
        if fault in GONE:
            live.wait(lambda: metric("undertone_source_away") == 1, f"{fault}: the source is away")
            lag = metric("undertone_watermark_lag_seconds")
            time.sleep(0.1)
            assert metric("undertone_watermark_lag_seconds") > lag, "it grows though nothing arrives"
        assert metric("undertone_store_state") == metric("undertone_bus_state") == 0
        live.servers.heal()
        progress(live)
        assert metric("undertone_source_away") == 0
    finished(live, feeder)


@pytest.mark.slow
def test_everything_half_open_at_once_and_the_stream_refilled_over_a_broken_read(start: Start) -> None:
    live, feeder = start()
    progress(live)
    for proxy in live.servers.behind.values():
        proxy.half_open()
    felt(live, "questdb")
    live.wait(lambda: metric("undertone_bus_state") == 3, "the bus is away")
    for name in ("kafka", "redis"):
        live.servers.behind[name].heal()
    live.wait(lambda: metric("undertone_source_away") == 0, "the source is back")
    live.wait(lambda: live.servers.behind["reads"].felt > 0, "the stream is refilled from a store that keeps silent")
    live.servers.heal()
    progress(live)
    finished(live, feeder)
