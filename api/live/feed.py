"""Where a process hears of new predictions: from Redis here, by looking at the store in `api.live.looking`."""

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
