"""What an ingester did since it started, as numbers and as metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ops import metrics


@dataclass(slots=True)
class Totals:
    """Counts since the process started."""

    messages: int = 0  # of the venue, whatever was in them
    trades: int = 0
    quotes: int = 0
    heartbeats: int = 0  # written, not received
    duplicates: int = 0  # left out
    unreadable: int = 0  # dead letters
    complaints: int = 0  # of the venue about us
    missing: int = 0  # trades that numbers show and that never came
    gaps: Counter[str] = field(default_factory=Counter)  # marks by reason; one a symbol
    connections: int = 0
    lost: Counter[str] = field(default_factory=Counter)  # connections by reason of their end

    def report(self) -> dict[str, Any]:
        """Return all counts by name."""
        return {name: dict(v) if isinstance(v := getattr(self, name), Counter) else v for name in self.__slots__}


class Reporter:
    """Moves the metrics on to the totals; called now and then, so that a message costs no metric."""

    def __init__(self, totals: Totals) -> None:
        """Begin with what the totals are now."""
        self.totals = totals
        self._before = totals.report()

    def report(self, lag_ns: int | None, connected: bool) -> None:
        """Add what was counted since; `lag_ns` is from the venue's time to receipt, of the newest tick."""
        now, before = self.totals.report(), self._before
        self._before = now

        def more(name: str) -> int:
            return int(now[name] - before[name])

        metrics.INGEST_MESSAGES.inc(more("messages"))
        metrics.INGEST_TICKS.inc(more("trades") + more("quotes"))
        metrics.INGEST_HEARTBEATS.inc(more("heartbeats"))
        metrics.INGEST_DUPLICATES.inc(more("duplicates"))
        metrics.INGEST_UNREADABLE.inc(more("unreadable"))
        metrics.INGEST_COMPLAINTS.inc(more("complaints"))
        metrics.INGEST_MISSING.inc(more("missing"))
        for reason, n in now["gaps"].items():
            metrics.INGEST_GAPS.labels(reason).inc(n - before["gaps"].get(reason, 0))
        for reason, n in now["lost"].items():
            metrics.INGEST_RECONNECTS.labels(reason).inc(n - before["lost"].get(reason, 0))
        metrics.INGEST_CONNECTED.set(connected)
        if lag_ns is not None:
            metrics.INGEST_LAG_SECONDS.observe(max(lag_ns, 0) * 1e-9)
