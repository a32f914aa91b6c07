"""Heartbeats between two feeds, so that time goes on: else the bars of all idle seconds would close in one batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from dataflows.kafka.client import Cluster
from dataflows.kafka.producer import Delivery
from dataflows.messages.encode import encode_heartbeat
from dataflows.messages.formats import Format

_EVERY_S: Final = 0.05


class Pulse:
    """A thread that tells every partition the time, unless it is stilled."""

    def __init__(self, servers: str, topic: str, partitions: int) -> None:
        """Begin stilled."""
        self._delivery, self._partitions = Delivery(Cluster(servers), topic, linger_ms=0), partitions
        self._wanted, self._ended, self._lock = False, False, threading.Lock()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Tell the time from now on."""
        self._wanted = True

    @contextmanager
    def stilled(self) -> Iterator[None]:
        """Say nothing meanwhile: a feed tells its own time. What was said before has been delivered."""
        with self._lock:
            before, self._wanted = self._wanted, False
            self._delivery.flush(10.0)
        try:
            yield
        finally:
            self._wanted = before

    def close(self) -> None:
        """End it. Never raises."""
        self._ended = True
        self._thread.join()
        with suppress(Exception):
            self._delivery.flush(1.0)
        self._delivery.close()

    def _run(self) -> None:
        while not self._ended:
            time.sleep(_EVERY_S)
            with self._lock:
                if self._wanted:
                    now = time.time_ns()
                    for partition in range(self._partitions):
                        self._delivery.send(encode_heartbeat(now), partition, Format.COLUMNS)
                    self._delivery.poll()
