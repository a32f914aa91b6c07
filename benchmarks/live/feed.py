"""The producer: a process that appends ticks to Kafka when they are due, whatever the system behind it does.

    python -m benchmarks.live.feed '{"pool": …, "servers": …, "topic": …, …}'     # see `Order`

It says `ready` and then reads from stdin when its first tick is due (ns). Arrivals are open-loop: message k is due at
a time that was fixed beforehand. A feed that falls behind sends at once what is overdue, and latencies count from when
it was due. It prints what it sent and writes when each message was due.
"""

from __future__ import annotations

import sys
import time
from array import array
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from benchmarks.live.market import LANES, Pool, load, played
from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.messages.encode import encode_columns, encode_singles
from dataflows.messages.formats import Format
from schema.ticks import Ticks, take

SLICE_S: Final = 0.005  # of arrivals: a columnar message a partition
_DRAIN_S: Final = 120.0


class Order(msgspec.Struct):
    """What to send."""

    pool: str
    servers: str
    topic: str
    log: str  # file that says what was due when
    rate: float  # ticks a second
    ticks: int
    first: int = 0  # its number in the endless play: venue sequences go on from feed to feed
    form: str = Format.COLUMNS
    paced: bool = True  # False: an outage's backlog, sent as fast as Kafka takes it


class Sent(msgspec.Struct):
    """What was sent, and how late (ms against what was due)."""

    ticks: int
    messages: int
    megabytes: float
    seconds: float
    late_p99: float
    late_worst: float


class Log:
    """One entry a partition and slice: when it was due, the newest event time in it, its lane, how late it was (ns)."""

    def __init__(self) -> None:
        """Nothing yet. Arrays of numbers: an hour's lists would take half a gigabyte."""
        self.due, self.newest, self.lane, self.late = (array("q") for _ in range(4))

    def save(self, path: str) -> None:
        """Write it as arrays."""
        np.savez(path, **{name: np.array(column) for name, column in vars(self).items()})


def send(order: Order, start_ns: int, pool: Pool, delivery: Delivery) -> Log:
    """Send everything from `start_ns` on, each slice when its last tick has arrived."""
    log, size = Log(), max(1, round(order.rate * SLICE_S))
    form = Format(order.form)
    # tick numbers are of the endless play, whose own start lies `first` ticks before this feed's
    began = start_ns - int(order.first / order.rate * 1e9)
    for begin in range(0, order.ticks, size):
        end = min(begin + size, order.ticks)
        due = start_ns + int(end / order.rate * 1e9)
        ticks = played(pool, order.first + begin, order.first + end, began, order.rate)
        messages = list(_messages(ticks, pool.names, form))
        while order.paced and (early := due - time.time_ns()) > 0:
            delivery.poll(0)
            time.sleep(min(early * 1e-9, 0.002))
        late = time.time_ns() - due
        for lane, newest, values in messages:
            for value in values:
                delivery.send(value, lane, form)
            log.due.append(due)
            log.newest.append(newest)
            log.lane.append(lane)
            log.late.append(late)
        delivery.poll(0)
    return log


def _messages(ticks: Ticks, names: tuple[str, ...], form: Format) -> Any:
    for lane in range(LANES):
        rows = np.flatnonzero(ticks.lane == lane)
        if not len(rows):
            continue
        own = take(ticks, rows)
        values = [encode_columns(own, names)] if form is Format.COLUMNS else encode_singles(own, names, form)
        yield lane, int(own.ts_event.max()), values


def main() -> None:
    """Send what is ordered; print `Sent` as JSON."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    pool = load(Path(order.pool))
    delivery = Delivery(Cluster(order.servers), order.topic, linger_ms=0 if order.paced else 5)
    print("ready", flush=True)
    start_ns = int(sys.stdin.readline())
    began = time.monotonic()
    log = send(order, start_ns, pool, delivery)
    if left := delivery.flush(_DRAIN_S):
        raise SystemExit(f"feed: {left} messages were not acknowledged within {_DRAIN_S:g} s")
    seconds = time.monotonic() - began
    log.save(order.log)
    late = np.array(log.late) * 1e-6 if order.paced else np.zeros(1)
    sent = Sent(
        order.ticks, delivery.sent, delivery.bytes / 1e6, seconds, float(np.percentile(late, 99)), float(late.max())
    )
    print(msgspec.json.encode(sent).decode())
    delivery.close()


if __name__ == "__main__":
    main()
