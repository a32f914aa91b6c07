"""The newest prediction of every series, and who wants to hear of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from api.analysis.analyst import Analyst, asked
from api.live.feed import Feed, Said, series
from api.live.messages import EVERYTHING
from api.metrics import ApiMetrics
from api.parameters import now
from api.store import StoreAway
from api.timeframes import length
from ops.log import logger
from schema.times import parse_iso

Key = tuple[str, str]  # timeframe, symbol


class Listener(Protocol):
    """A client's end."""

    def tell(self, key: Key) -> None:
        """Hear that a series has a new prediction. Doesn't wait."""
        ...


class Hub:
    """Runs one feed and tells listeners. An update is encoded once, however many hear it."""

    def __init__(self, feed: Feed, analyst: Analyst, metrics: ApiMetrics) -> None:
        """Begin with `run`."""
        self._feed, self._analyst, self._metrics = feed, analyst, metrics
        self._newest: dict[Key, Said] = {}
        self._listeners: dict[Key, set[Listener]] = {}  # symbol "*" hears all of a timeframe
        self._encoded: dict[tuple[Key, bool], tuple[str, bytes]] = {}

    async def run(self) -> None:
        """Hand on what comes, until cancelled. What goes wrong with one batch doesn't end it."""
        async for batch in self._feed():
            try:
                with self._metrics.hand_on_seconds.time():
                    await self._take(batch)
            except Exception:
                logger("api").exception("a batch of predictions could not be handed on")

    async def _take(self, batch: list[Said]) -> None:
        """Keep what is newer than what is known, and tell who listens once their analyses are made."""
        heard, new = dict[Key, set[Listener]](), Counter[str]()
        for said in batch:
            key, known = series(said), self._newest.get(series(said))
            if known is not None and known["timestamp"] > said["timestamp"]:
                continue
            new[key[0]] += known is not None  # what is there at the start isn't new
            self._newest[key] = said
            if listeners := self._listeners.get(key, set()) | self._listeners.get((key[0], EVERYTHING), set()):
                heard[key] = listeners
        for timeframe, count in new.items():
            self._metrics.predictions.labels(timeframe).inc(count)
        with suppress(StoreAway):  # then each connection asks again
            await asyncio.to_thread(self._analyst.prepare, [self._newest[key] for key in heard])
        for key, listeners in heard.items():
            for listener in listeners:
                listener.tell(key)

    def timeframes(self) -> list[str]:
        """Return those that have predictions, the shortest first."""
        return sorted({timeframe for timeframe, _ in self._newest}, key=length)

    def known(self, timeframe: str, symbols: list[str]) -> list[Key]:
        """Return which of the symbols (or all) have a prediction."""
        if EVERYTHING in symbols:
            return sorted(key for key in self._newest if key[0] == timeframe)
        return [(timeframe, symbol) for symbol in symbols if (timeframe, symbol) in self._newest]

    def sequence(self, key: Key) -> int:
        """Return the number of a series' newest prediction."""
        return int(self._newest[key]["sequence"] or 0)

    def add(self, listener: Listener, keys: set[Key]) -> None:
        """Tell the listener of these series from now on."""
        for key in keys:
            self._listeners.setdefault(key, set()).add(listener)

    def remove(self, listener: Listener, keys: set[Key]) -> None:
        """Tell it no longer."""
        for key in keys:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    async def encoded(self, key: Key, spectral: bool) -> bytes | None:
        """Return a series' newest analysis as JSON; None while the store can't be read."""
        said = self._newest[key]
        made = self._encoded.get((key, spectral))
        if made is None or made[0] != said["prediction_id"]:
            try:
                analysis = await self._analysis(said)
            except StoreAway:
                return None
            made = said["prediction_id"], _encode(analysis, spectral)
            self._encoded[key, spectral] = made
        return made[1]

    async def _analysis(self, said: Said) -> dict[str, Any]:
        if self._analyst.knows(said):
            return self._analyst.analysis(said)
        return await asyncio.to_thread(self._analyst.analysis, said)


def _encode(analysis: dict[str, Any], spectral: bool) -> bytes:
    begun = now()
    answer = asked(analysis, spectral=spectral, threshold=0.5)
    answer["age_ms"] = (begun - parse_iso(answer["timestamp"])) / 1e6
    answer["processing_time_ms"] = (now() - begun) / 1e6
    return msgspec.json.encode(answer)
