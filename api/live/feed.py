"""Where a process hears of new predictions: from Redis, or by looking at the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from time import monotonic
from typing import Any, Final, Protocol

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

from api.reader import Reader
from api.store import Row, StoreAway
from ops.log import logger
from schema.messages import prediction_message
from schema.stores import bus_name

Said = dict[str, Any]  # a prediction's message (schema.messages)

_GLANCE_S: Final = 0.01  # between two glances at the version of a store that tells it for nothing
_LOOK_S: Final = 0.1  # between two queries of one that doesn't
_FRESH_S: Final = 0.5  # how long such a query's answer counts
_QUIET_S: Final = 5.0  # that Redis may say nothing
_AGAIN_S: Final = 1.0  # before a server that is away is asked again


class Feed(Protocol):
    """New predictions of the store's namespace."""

    def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield what came, at first what there is. What can't be heard now is heard later.

        Ends where all that it told is void, as another store stands in the place of the first; call it again then.
        """
        ...

    def current(self) -> bool:
        """Return whether all that can be heard was yielded. Asked at every call of the service: it doesn't wait."""
        ...

    async def settle(self) -> bool:
        """Wait until what could be heard at the call was yielded; False where nothing can be heard."""
        ...


class StoreFeed:
    """Looks at the store as soon as something was written into it."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader
        self._version: tuple[int, int] | None = None  # of the store when it was last looked at
        self._looked, self._up = 0.0, False
        self._begun = self._ended = 0  # looks
        self._wake, self._turn = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield the newest prediction of each series that has a new one."""
        seen, place = dict[tuple[str, str], tuple[Any, ...]](), 0
        self._version = None
        while True:
            self._begun += 1
            new = list[Row]()
            if not self._unchanged(version := self._reader.store.version()):
                if version and version[0] != (place := place or version[0]):
                    return
                rows = await newest(self._reader)
                new = [row for row in rows or [] if seen.get(series(row)) != _key(row)]
                seen.update((series(row), _key(row)) for row in new)
                self._up, self._looked = rows is not None, monotonic()
                self._version = version if self._up else None
            self._end_turn()
            if new:
                yield [prediction_message(row) for row in new]
            await self._nap(_GLANCE_S if self._version else _LOOK_S)

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


class RedisFeed:
    """Subscribes to the channels of all predictions. What was published while it couldn't hear comes from the store."""

    def __init__(self, url: str, namespace: str, reader: Reader) -> None:
        """Connect when asked."""
        self._url, self._pattern, self._reader = url, bus_name("predictions.*", namespace), reader
        self._hearing = False

    async def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield messages as they come, several at once where several have come."""
        while True:
            try:
                async with (
                    redis.asyncio.from_url(self._url, health_check_interval=10) as client,
                    client.pubsub(ignore_subscribe_messages=True) as heard,
                ):
                    await heard.psubscribe(self._pattern)
                    yield await self._before()
                    async with aclosing(_batches(heard)) as batches:
                        async for batch in batches:
                            yield [*([] if self._hearing else await self._before()), *batch]
            except RedisError as error:
                self._hearing = False
                logger("api").warning("the live feed waits for Redis", found=str(error))
                await asyncio.sleep(_AGAIN_S)

    async def _before(self) -> list[Said]:
        """Return what was said before it heard, from the store; until that can be read, not all is known."""
        rows = await newest(self._reader)
        self._hearing = rows is not None
        return [prediction_message(row) for row in rows or []]

    def current(self) -> bool:
        """Return whether it is subscribed: what is published comes by itself, before it is in the store."""
        return self._hearing

    async def settle(self) -> bool:
        """Return whether it is subscribed."""
        return self._hearing


async def _batches(heard: Any) -> AsyncGenerator[list[Said], None]:
    """Yield what came, nothing where nothing came for a while."""
    while True:
        first = await heard.get_message(timeout=_QUIET_S)
        batch = [first] if first is not None else []
        while len(batch) < 10_000 and batch and (more := await heard.get_message(timeout=0)) is not None:
            batch.append(more)
        yield [msgspec.json.decode(message["data"]) for message in batch]


async def newest(reader: Reader) -> list[Row] | None:
    """Return the row of every series' newest prediction; None while the store can't be read."""
    try:
        return await asyncio.to_thread(reader.newest_predictions)
    except StoreAway:
        return None


def series(said: Said | Row) -> tuple[str, str]:
    """Return timeframe and symbol."""
    return said["timeframe"], said["symbol"]


def _key(row: Row) -> tuple[Any, ...]:
    """Return what tells a series' predictions apart."""
    return row["time"], row["bar_sequence"], row["horizon"], row["model_version"]
