"""Where a process hears of new predictions: from Redis, or by looking at the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
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

_LOOK_S: Final = 0.1  # between two looks at a store
_AGAIN_S: Final = 1.0  # before a server that is away is asked again


class Feed(Protocol):
    """New predictions of the store's namespace."""

    def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield what came, at first what there is. Goes on for ever; what can't be heard now is heard later."""
        ...


class StoreFeed:
    """Looks at the store, which costs a query a look while nothing changes."""

    def __init__(self, reader: Reader) -> None:
        """Read from `reader`."""
        self._reader = reader

    async def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield the newest prediction of each series that has a new one."""
        seen = dict[tuple[str, str], tuple[Any, ...]]()
        while True:
            new = [row for row in await newest(self._reader) if seen.get(series(row)) != _key(row)]
            seen.update((series(row), _key(row)) for row in new)
            if new:
                yield [prediction_message(row) for row in new]
            await asyncio.sleep(_LOOK_S)


class RedisFeed:
    """Subscribes to the channels of all predictions. What was published while it couldn't hear comes from the store."""

    def __init__(self, url: str, namespace: str, reader: Reader) -> None:
        """Connect when asked."""
        self._url, self._pattern, self._reader = url, bus_name("predictions.*", namespace), reader

    async def __call__(self) -> AsyncIterator[list[Said]]:
        """Yield messages as they come, several at once where several have come."""
        while True:
            try:
                async with (
                    redis.asyncio.from_url(self._url, health_check_interval=10) as client,
                    client.pubsub(ignore_subscribe_messages=True) as heard,
                ):
                    await heard.psubscribe(self._pattern)
                    yield [prediction_message(row) for row in await newest(self._reader)]
                    async with aclosing(_batches(heard)) as batches:
                        async for batch in batches:
                            yield batch
            except RedisError as error:
                logger("api").warning("the live feed waits for Redis", found=str(error))
                await asyncio.sleep(_AGAIN_S)


async def _batches(heard: Any) -> AsyncGenerator[list[Said], None]:
    while True:
        first = await heard.get_message(timeout=5.0)
        batch = [first] if first is not None else []
        while len(batch) < 10_000 and batch and (more := await heard.get_message(timeout=0)) is not None:
            batch.append(more)
        if batch:
            yield [msgspec.json.decode(message["data"]) for message in batch]


async def newest(reader: Reader) -> list[Row]:
    """Return the row of every series' newest prediction; none while the store can't be read."""
    try:
        return await asyncio.to_thread(reader.newest_predictions)
    except StoreAway:
        return []


def series(said: Said | Row) -> tuple[str, str]:
    """Return timeframe and symbol."""
    return said["timeframe"], said["symbol"]


def _key(row: Row) -> tuple[Any, ...]:
    """Return what tells a series' predictions apart."""
    return row["time"], row["bar_sequence"], row["horizon"], row["model_version"]
