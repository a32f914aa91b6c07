"""The newest prediction of every series, and who wants to hear of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, Protocol

from api.analysis.analyst import Analyst
from api.live.feed import Feed, Said, series
from api.live.messages import EVERYTHING, Update
from api.live.updates import Updates
from api.metrics import ApiMetrics
from api.store import StoreAway
from api.timeframes import length
from ops.log import logger

Key = tuple[str, str]  # timeframe, symbol

_AT_ONCE: Final = 1_000  # series that are analysed before those who listen to them are told
_IN_A_ROW: Final = 200  # listeners that are told before other calls have their turn
_GOLDEN: Final = 0.618034  # of all series lie between the first ones of two turns: that spreads them evenly


class Listener(Protocol):
    """A client's end."""

    def tell(self, key: Key) -> None:
        """Hear that a series has a new prediction; called for each that has one in a moment."""
        ...

    def deliver(self) -> None:
        """Hear that the moment is over. Neither waits nor raises."""
        ...


class Hub:
    """Runs one feed and tells listeners. An update is encoded once, however many hear it."""

    def __init__(self, feed: Feed, analyst: Analyst, metrics: ApiMetrics) -> None:
        """Begin with `run`."""
        self._feed, self._analyst, self._metrics = feed, analyst, metrics
        self._newest: dict[Key, Said] = {}
        self._timeframes = set[str]()
        self._listeners: dict[Key, set[Listener]] = {}  # symbol "*" hears all of a timeframe
        self._updates = Updates(analyst)
        self._untold: dict[Key, None] = {}  # heard of, by listeners not yet
        self._analysed: dict[Key, Said] = {}  # the last that was handed on
        self._new, self._turn = asyncio.Event(), 0
        self._running = False

    async def run(self) -> None:
        """Keep what comes and hand it on, until cancelled. A slow analysis doesn't keep the feed waiting."""
        telling = asyncio.create_task(self._tell_on())
        self._running = True
        try:
            while True:
                async for batch in self._feed():
                    self._keep(batch)
                self._newest.clear()
                self._analysed.clear()
                self._timeframes.clear()
        finally:
            self._running = False
            telling.cancel()

    def _keep(self, batch: list[Said]) -> None:
        """Keep what is newer than what is known. Doesn't wait: see `StoreFeed`."""
        new = Counter[str]()
        for said in batch:
            key = series(said)
            known = self._newest.get(key)
            if known is not None and known["timestamp"] > said["timestamp"]:
                continue
            new[key[0]] += known is not None  # what is there at the start isn't new
            self._newest[key] = said
            self._timeframes.add(key[0])
            if key in self._listeners or (key[0], EVERYTHING) in self._listeners:
                self._untold[key] = None
        for timeframe, count in new.items():
            self._metrics.predictions.labels(timeframe).inc(count)
        if self._untold:
            self._new.set()

    async def _tell_on(self) -> None:
        """Analyse what is new, some series at a time, and tell who listens. One that fails doesn't end it."""
        while True:
            await self._new.wait()
            self._new.clear()
            keys, self._untold = self._in_turn(), {}
            for first in range(0, len(keys), _AT_ONCE):
                try:
                    with self._metrics.hand_on_seconds.time():
                        await self._tell(keys[first : first + _AT_ONCE])
                except Exception:
                    logger("api").exception("new predictions could not be handed on")

    def _in_turn(self) -> list[Key]:
        """Return what is untold from another place on each time: no series is always the last to be told of."""
        self._turn += 1
        first = int(self._turn * _GOLDEN % 1 * len(self._untold))
        return [*islice(self._untold, first, None), *islice(self._untold, first)]

    async def _tell(self, keys: Sequence[Key]) -> None:
        for key in keys:
            self._untold.pop(key, None)  # it may have come twice
        with suppress(StoreAway):  # then each connection asks again
            there = {key: self._newest[key] for key in keys if key in self._newest}
            await asyncio.to_thread(self._analyst.prepare, list(there.values()))
            self._analysed.update(there)
        told = dict[Listener, None]()
        for key in keys:
            for heard in (key, (key[0], EVERYTHING)):
                for listener in self._listeners.get(heard, ()):
                    listener.tell(key)
                    told[listener] = None
        for number, listener in enumerate(told, 1):
            listener.deliver()
            if number % _IN_A_ROW == 0:
                await asyncio.sleep(0)

    def current(self) -> bool:
        """Return whether memory holds the newest there is. Doesn't wait."""
        return self._running and self._feed.current()

    async def settle(self) -> bool:
        """Wait until memory holds what was the newest at the call; False where it can't."""
        return self._running and await self._feed.settle()

    def newest(self, key: Key) -> Said | None:
        """Return a series' newest prediction."""
        return self._newest.get(key)

    def series(self, symbols: Collection[str], timeframe: str | None) -> list[Key]:
        """Return the series of some symbols (or of all) in one timeframe (or in any) in order of symbol."""
        if not symbols:
            return sorted((key for key in self._newest if timeframe in (None, key[0])), key=lambda key: key[::-1])
        timeframes = sorted(self._timeframes) if timeframe is None else [timeframe]
        return [(name, symbol) for symbol in sorted(symbols) for name in timeframes if (name, symbol) in self._newest]

    def timeframes(self) -> list[str]:
        """Return those that have predictions, the shortest first."""
        return sorted(self._timeframes, key=length)

    def known(self, timeframe: str, symbols: list[str]) -> list[Key]:
        """Return which of the symbols (or all) have a prediction."""
        if EVERYTHING in symbols:
            return sorted(key for key in self._newest if key[0] == timeframe)
        return [(timeframe, symbol) for symbol in symbols if (timeframe, symbol) in self._newest]

    def sequence(self, key: Key) -> int:
        """Return the number of a series' newest prediction."""
        return int(self._newest[key]["sequence"] or 0)

    def add(self, listener: Listener, keys: frozenset[Key]) -> None:
        """Tell the listener of these series from now on."""
        for key in keys:
            self._listeners.setdefault(key, set()).add(listener)

    def remove(self, listener: Listener, keys: frozenset[Key]) -> None:
        """Tell it no longer."""
        for key in keys:
            self._listeners[key].discard(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    def ready(self, key: Key, spectral: bool) -> Update | None:
        """Return a series' newest analysis, encoded; None where the store must be asked for it, see `update`.

        While a newer prediction waits to be analysed with the others of its moment, it is the one before.
        """
        if (said := self._newest.get(key)) is None:
            return None
        made = self._updates.ready(key, said, spectral)
        if made is None and key in self._untold and (before := self._analysed.get(key)) is not None:
            made = self._updates.ready(key, before, spectral)
        return made

    async def update(self, key: Key, spectral: bool) -> Update | None:
        """Return a series' newest analysis, encoded; None while the store can't be read or there is none."""
        said = self._newest.get(key)
        if said is None or (made := self.ready(key, spectral)) is not None:
            return None if said is None else made
        try:
            return await self._updates.make(key, said, spectral)
        except StoreAway:
            return None
