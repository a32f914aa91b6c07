"""Calls that memory can answer, answered in the event loop: without a thread, routes, or encoding anything twice.

The hub's feed says whether memory is the newest there is. What can't be answered so (an unknown symbol, input that a
validator rejects, a store that is away) goes on to the routes, which answer alike from the store.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import monotonic, perf_counter
from typing import Final, NamedTuple, TypeVar

import msgspec
from pydantic import ValidationError
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.analysis.analyst import Analyst
from api.analysis.horizon import NotPredicted, at_horizon
from api.live.feed import Said
from api.live.hub import Hub, Key
from api.observe import Route
from api.parameters import now, read_symbols, read_timeframe
from api.reader import Reader
from api.requests import AnalyzeRequest
from api.routes.analyze import analysed
from api.store import StoreAway
from schema.messages import prediction_message
from schema.times import parse_iso

T = TypeVar("T")

_LONGEST: Final = 1024  # bytes of a query or body whose reading is remembered
_MOST: Final = 4096  # of each kind that are remembered
_EMPTY_S: Final = 1.0  # that no similar situation counts: a store may show features later than the bus its prediction


class _Analysis(NamedTuple):
    """An answer but for the numbers that the moment of asking gives."""

    said: Said  # what it was made from
    wanted: AnalyzeRequest
    until: float  # monotonic s: it counts no longer
    at: int  # ns UTC, the prediction's bar's close
    body: bytes  # JSON without its last brace


class Warm:
    """Middleware before the routes: `GET /predictions/latest` and `POST /analyze` from what the hub holds."""

    def __init__(self, app: ASGIApp, hub: Hub, reader: Reader, analyst: Analyst, ttl: float) -> None:
        """Answer before `app` does; nothing that was made more than `ttl` seconds ago."""
        self._app, self._hub, self._reader, self._analyst, self._ttl = app, hub, reader, analyst, ttl
        self._queries: dict[bytes, tuple[frozenset[str], str | None]] = {}
        self._rows: dict[Key, tuple[Said, int, bytes]] = {}  # message, its bar's close (ns UTC), JSON without a brace
        self._analyses: dict[bytes, _Analysis] = {}  # by the request's body
        self._calls: dict[tuple[str, str], Callable[[Scope, bytes], Awaitable[bytes | None]]] = {
            ("GET", "/predictions/latest"): self._latest, ("POST", "/analyze"): self._analyze,
        }  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the routes do it."""
        answer = self._calls.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if answer is None or not _small(scope) or not (self._hub.current() or await self._hub.settle()):
            await self._app(scope, receive, send)
            return
        taken = await _taken(receive) if scope["method"] == "POST" else []
        found = await answer(scope, b"".join(message.get("body", b"") for message in taken))
        if found is None:
            await self._app(scope, _again(taken, receive), send)
            return
        scope["route"] = Route(scope["path"])
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(found)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": found})

    async def _latest(self, scope: Scope, _: bytes) -> bytes | None:
        query = scope["query_string"]
        wanted = self._queries.get(query)
        if wanted is None:
            try:
                given = QueryParams(query)
                wanted = frozenset(read_symbols(given.get("symbols"))), read_timeframe(given.get("timeframe"))
            except HTTPException:
                return None
            if len(query) <= _LONGEST:
                _remember(self._queries, query, wanted)
        symbols, timeframe = wanted
        keys = self._hub.series(symbols, timeframe)
        unknown = sorted(symbols - {symbol for _, symbol in keys})
        if not keys:
            return None
        at = now()
        rows = b",".join([b'%b,"age_ms":%a}' % (row, (at - closed) / 1e6) for closed, row in map(self._row, keys)])
        return b'{"predictions":[%b],"unknown":%b}' % (rows, msgspec.json.encode(unknown))

    def _row(self, key: Key) -> tuple[int, bytes]:
        said = self._hub.newest(key)
        known = self._rows.get(key)
        if known is None or known[0] is not said:
            assert said is not None
            known = self._rows[key] = said, parse_iso(said["timestamp"]), msgspec.json.encode(said)[:-1]
        return known[1:]

    async def _analyze(self, _: Scope, body: bytes) -> bytes | None:
        begun = perf_counter()
        known = self._analyses.get(body)
        if known is None or not self._holds(known):
            try:
                wanted = known.wanted if known else AnalyzeRequest.model_validate(json.loads(body))
            except (ValueError, ValidationError, RecursionError):
                return None
            said = self._hub.newest((wanted.timeframe, wanted.symbol))
            if said is None:
                return None
            try:
                known = await self._made(wanted, said)
            except (StoreAway, NotPredicted):
                return None
            if self._analyst.knows(said):
                _remember(self._analyses, body, known)
        age = (now() - known.at) / 1e6
        return b'%b,"age_ms":%a,"processing_time_ms":%a}' % (known.body, age, (perf_counter() - begun) * 1e3)

    def _holds(self, known: _Analysis) -> bool:
        """Return whether no newer prediction has come, and its time isn't over."""
        newest = self._hub.newest((known.wanted.timeframe, known.wanted.symbol))
        return newest is known.said and monotonic() < known.until

    async def _made(self, wanted: AnalyzeRequest, said: Said) -> _Analysis:
        """Return the analysis; in a thread where the store must be read."""
        quick = self._analyst.knows(said) and wanted.prediction_horizon == said["prediction_horizon"]
        if quick and not wanted.include_rag_context:
            return self._make(wanted, said)
        return await asyncio.to_thread(self._make, wanted, said)

    def _make(self, wanted: AnalyzeRequest, said: Said) -> _Analysis:
        begun = monotonic()
        answer = analysed(self._at_horizon(said, wanted.prediction_horizon), wanted, self._analyst)
        ttl = min(self._ttl, _EMPTY_S) if answer["similar_situations"] == [] else self._ttl
        return _Analysis(said, wanted, begun + ttl, parse_iso(said["timestamp"]), msgspec.json.encode(answer)[:-1])

    def _at_horizon(self, said: Said, horizon: int) -> Said:
        """Return the message for a horizon; others than its own stand in the stored row alone."""
        if horizon == said["prediction_horizon"]:
            return said
        row = self._reader.newest_prediction(said["symbol"], said["timeframe"])
        if row is None or row["sequence"] != said["sequence"]:
            raise NotPredicted("the store doesn't have the newest prediction yet")
        return prediction_message(at_horizon(row, horizon))


def _small(scope: Scope) -> bool:
    """Return whether it has no body, or a small one that says it is JSON."""
    if scope["method"] == "GET":
        return True
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    return (
        headers.get(b"content-type", b"").partition(b";")[0].strip() == b"application/json"
        and length.isdigit() and int(length) <= _LONGEST
    )  # fmt: skip


async def _taken(receive: Receive) -> list[Message]:
    """Return the messages of a request's body."""
    taken = [await receive()]
    while taken[-1].get("more_body"):
        taken.append(await receive())
    return taken


def _again(taken: list[Message], receive: Receive) -> Receive:
    """Return a `receive` that gives the messages that were taken, and then what follows them."""
    left = iter(taken)

    async def give() -> Message:
        return next(left, None) or await receive()

    return give


def _remember(kept: dict[bytes, T], key: bytes, value: T) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST:
        del kept[next(iter(kept))]
