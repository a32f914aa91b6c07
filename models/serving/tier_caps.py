"""Which tier is the best that may answer in a timeframe, and the changes of it that are still to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from models.serving.ladder import rank
from schema.predictions import Tier


class TierCaps:
    """The caps of all timeframes; where none was ever set, every tier may answer."""

    def __init__(self) -> None:
        """Begin without any."""
        self._now: dict[str, tuple[int, Tier]] = {}  # since when (ns UTC), which
        self._coming: dict[str, list[tuple[int, Tier]]] = {}  # in order

    def of(self, timeframe: str) -> Tier | None:
        """Return the cap that is in effect."""
        return self._now[timeframe][1] if timeframe in self._now else None

    def set(self, timeframe: str, time: int, tier: Tier) -> None:
        """Let a cap be in effect since bar time `time` (ns UTC)."""
        self._now[timeframe] = time, tier

    def announce(self, timeframe: str, time: int, tier: Tier) -> None:
        """Note a cap that will be in effect from bar time `time` on; one of the past is known already."""
        if time > self._now.get(timeframe, (-1, Tier.GPU))[0]:
            coming = [*self._coming.get(timeframe, []), (time, tier)]
            self._coming[timeframe] = sorted(coming, key=lambda change: (change[0], rank(change[1])))

    def due(self, timeframe: str, time: int) -> Iterator[tuple[int, Tier]]:
        """Yield, in order, what was announced for bar time `time` or before; nothing is yielded twice."""
        coming = self._coming.get(timeframe, [])
        while coming and coming[0][0] <= time:
            yield coming.pop(0)

    def next_change(self, timeframe: str) -> int | None:
        """Return the bar time (ns UTC) of the first change to come, None where there is none."""
        coming = self._coming.get(timeframe)
        return coming[0][0] if coming else None

    def snapshot(self) -> dict[str, Any]:
        """Return the caps in effect; changes to come are announced again by whoever has them on record."""
        return {timeframe: [since, str(tier)] for timeframe, (since, tier) in self._now.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave; what was announced for later stays."""
        self._now = {timeframe: (int(since), Tier(tier)) for timeframe, (since, tier) in snapshot.items()}
        for timeframe, (since, _) in self._now.items():
            self._coming[timeframe] = [change for change in self._coming.get(timeframe, []) if change[0] > since]
