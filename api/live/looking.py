"""Hearing of new predictions by looking at the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from api.live.feed import Said, newest, series
from api.reader import Reader
from api.store import Row, StoreAway
from schema.messages import prediction_message

_GLANCE_S: Final = 0.005  # between two glances at the version of a store that tells it for nothing
_BEHIND_S: Final = 0.3  # that the look at all series follows behind what is known to be new
_LATEST_S: Final = 1.0  # that it may be put off by more of it
_MOST: Final = 20_000  # rows that are read at once as news
_LOOK_S: Final = 0.1  # between two queries of a store that doesn't tell its version
_FRESH_S: Final = 0.5  # how long such a query's answer counts

_Key = tuple[Any, ...]  # what tells a series' predictions apart, its bar's close (ns UTC) first


class StoreFeed:
    """Looks at the store as soon as something was written into it.

    Finding out which series there are takes longer than reading what is new of them, and grows with their number. Where
    a glance tells that something was written, the known ones' news goes out first, and the look at all follows behind
    the burst of work that the last of it makes; at once where somebody waits for it.
    """

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader
        self._version: tuple[int, int] | None = None  # of the store when it was last looked at
        self._looked, self._up = 0.0, False
        self._begun = self._ended = 0  # looks
        self._asked = False  # somebody waits for one
        self._seen = dict[tuple[str, str], _Key]()  # of the newest prediction of each series
        self._wake, self._turn = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield the newest prediction of each series that has a new one."""
        self._version, self._seen = None, {}
        glanced, place = None, 0
        due = latest = 0.0  # monotonic s of the look at all, 0 where nothing was written since the last
        while True:
            self._begun += 1
            asked, self._asked = self._asked, False
            version = self._reader.store.version()
            if version and version[0] != (place := place or version[0]):
                return
            if version and self._seen and version != glanced:
                latest = latest or monotonic() + _LATEST_S
                if new := self._unseen(await self._news()):
                    yield [prediction_message(row) for row in new]
                    due = 0.0  # they are being told of now
                due = due or min(monotonic() + _BEHIND_S, latest)
            glanced = version
            if self._unchanged(version):
                self._end_turn()
            elif asked or not version or monotonic() >= due:
                new, due, latest = self._unseen(await self._all(version)), 0.0, 0.0
                self._end_turn()
                if new:
                    yield [prediction_message(row) for row in new]
            await self._nap(_GLANCE_S if version and self._up else _LOOK_S)

    async def _all(self, version: tuple[int, int] | None) -> list[Row]:
        """Return the newest prediction of every series there is at this version of the store or a later one."""
        rows = await newest(self._reader)
        self._up, self._looked = rows is not None, monotonic()
        self._version = version if self._up else None
        return rows or []

    async def _news(self) -> list[Row]:
        """Return newer predictions of the series that are known; some may be left out, for the look at all."""
        times = dict[str, dict[str, int]]()
        for (timeframe, symbol), (time, *_) in self._seen.items():
            times.setdefault(timeframe, {})[symbol] = time
        rows = list[Row]()
        with suppress(StoreAway):
            for timeframe, known in times.items():
                rows += await asyncio.to_thread(self._reader.predictions_since, timeframe, known, _MOST)
        return rows

    def _unseen(self, rows: list[Row]) -> list[Row]:
        """Return which of the rows weren't seen, and note them."""
        new = [row for row in rows if self._seen.get(series(row)) != _key(row)]
        self._seen.update((series(row), _key(row)) for row in new)
        return new

    def current(self) -> bool:
        """Return whether nothing was written since the last look; where only a query tells, whether it was just now."""
        version = self._reader.store.version()
        if version is None:
            return self._up and monotonic() - self._looked < _FRESH_S
        return self._unchanged(version)

    async def settle(self) -> bool:
        """Wait for a look that begins after the call."""
        wanted = self._begun + 1
        while self._ended < wanted:
            self._asked = True
            self._wake.set()
            await self._turn.wait()
        return self._up

    def _unchanged(self, version: tuple[int, int] | None) -> bool:
        return version is not None and version == self._version

    def _end_turn(self) -> None:
        """Say that a look has ended. Who waits for it goes on when the hub has kept what is yielded next."""
        self._ended = self._begun
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _nap(self, seconds: float) -> None:
        timer = asyncio.get_running_loop().call_later(seconds, self._wake.set)
        await self._wake.wait()
        timer.cancel()
        self._wake.clear()


def _key(row: Row) -> _Key:
    """Return what tells a series' predictions apart."""
    return row["time"], row["bar_sequence"], row["horizon"], row["model_version"]
