"""What the dataflow says of itself now: asked at its metrics, as its reports may not reach the store."""

from __future__ import annotations

import http.client
import urllib.request
from typing import Any, Final, NamedTuple

STATES: Final = ("up", "spooling", "full", "away", "failed")  # what the numbers of the two states mean
_ASKED: Final = {"undertone_store_state": "store", "undertone_bus_state": "bus", "undertone_source_away": "source"}


class Told(NamedTuple):
    """States by name: of the store and the bus as the dataflow sees them, and of its source."""

    store: str
    bus: str
    source: str


class Dataflow:
    """A dataflow process; any thread may ask."""

    def __init__(self, url: str, patience_s: float = 0.5) -> None:
        """Ask at `url`, where Prometheus asks as well; empty for nowhere."""
        self._url, self._patience_s = url, patience_s

    def ask(self) -> Told | None:
        """Return what it says, None where it doesn't answer in time. Never raises."""
        try:
            numbers = dict(_numbers(self.metrics() or ""))
            store, bus = (STATES[numbers[name]] for name in ("store", "bus"))
            return Told(store, bus, "away" if numbers["source"] else "up")
        except (ValueError, KeyError, IndexError):
            return None

    def metrics(self) -> str | None:
        """Return its metrics as Prometheus reads them, None where it doesn't answer in time. Never raises."""
        if not self._url:
            return None
        try:
            with urllib.request.urlopen(self._url, timeout=self._patience_s) as answer:
                text: str = answer.read().decode()
                return text
        except (OSError, http.client.HTTPException, ValueError):
            return None


def _numbers(text: str) -> Any:
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name in _ASKED:
            yield _ASKED[name], int(float(number))
