"""Predictions as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.answers.analysis import Analysis
from api.client.errors import Refused

_PAUSES_S: Final = (0.2, 10.0)  # first and longest wait before a service that is away is tried again


async def follow(
    url: str, symbols: Sequence[str], *, token: str | None = None, **wanted: Any
) -> AsyncIterator[Analysis]:
    """Yield the newest analysis of each symbol (`["*"]` for all) as it changes, for ever.

    A connection that breaks is made again, and what has been seen is not sent twice. `wanted` are update_frequency (s),
    include_spectral, timeframe and since. Raises Refused where the service refuses the token or the subscription.
    """
    address = f"{url.replace('http', 'ws', 1).rstrip('/')}/ws/realtime"
    headers = {"authorization": f"Bearer {token}"} if token else {}
    since, pause = wanted.pop("since", None), _PAUSES_S[0]
    while True:
        try:
            async with connect(address, additional_headers=headers, max_size=None) as socket:
                pause = _PAUSES_S[0]
                await socket.send(json.dumps({"symbols": list(symbols), "since": since, **wanted}))
                async for text in socket:
                    message = json.loads(text)
                    for analysis in _analyses(message):
                        yield analysis
                    since = message["sequence"] or since
        except InvalidStatus as error:
            if error.response.status_code < 500:
                raise Refused(error.response.status_code, "WebSocket refused", "see the service's token") from None
        except (OSError, ConnectionClosed):
            pass
        await asyncio.sleep(pause)
        pause = min(2 * pause, _PAUSES_S[1])


def _analyses(message: dict[str, Any]) -> list[Analysis]:
    """Return what a message tells of. Raises Refused for an error."""
    data = message["data"]
    if message["type"] == "error":
        raise Refused(400, "subscription refused", data["detail"])
    if message["type"] not in ("prediction", "predictions"):
        return []
    return [Analysis.model_validate(one) for one in (data if isinstance(data, list) else [data])]
