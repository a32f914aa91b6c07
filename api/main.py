"""Run the service: what `undertone api` calls."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from api.access import Access
from api.app import create_app
from api.dataflow import Dataflow
from api.live.feed import RedisFeed
from api.live.looking import StoreFeed
from api.live.sockets import Sockets
from api.reader import Reader
from api.store import ReadOnlyStore
from models.explain.cache import ExplanationFolder
from models.jobs.jobs import Jobs
from models.jobs.opening import open_records
from models.registry.register import Versions
from schema.stores import LIVE

_LARGEST_MESSAGE: Final = 1 << 18  # bytes, of a WebSocket's client


def serve(
    store: str,
    *,
    namespace: str = LIVE,
    host: str = "127.0.0.1",
    port: int = 8001,
    cache_ttl: float = 300.0,
    cors_origins: Sequence[str] = (),
    version: str = "0",
    access: Access | None = None,
    bus: str = "memory:",
    dataflow_url: str = "",
    registry: Path | None = None,
    access_log: str = "debug",
    tracer: Any = None,
    jobs_url: str = "",
    own_architectures: bool = False,
    explanations: ExplanationFolder | None = None,
) -> None:
    """Serve `sqlite:///path` or `questdb://host:port` until SIGINT or SIGTERM. Port 0 takes a free one.

    Raises ValueError for a store URL or namespace that is none, SystemExit where the port is taken.
    """
    reader = open_reader(store, namespace, cache_ttl)
    feed = RedisFeed(bus, namespace, reader) if bus.startswith(("redis:", "rediss:")) else StoreFeed(reader)
    app = create_app(
        reader,
        version=version,
        cors_origins=cors_origins,
        access=access,
        feed=feed,
        dataflow=Dataflow(dataflow_url),
        versions=None if registry is None else Versions(registry),
        access_log=access_log,
        tracer=tracer,
        jobs=Jobs(open_records(jobs_url, namespace)) if jobs_url else None,
        own_architectures=own_architectures,
        explanations=explanations,
        cache_ttl=cache_ttl,
    )
    _walk_seldom()
    make_server(app, host, port).run()


def _walk_seldom() -> None:
    """Let the collector of cycles leave alone what was imported, and look at all the rest seldom.

    With 2,000 WebSockets that is 400,000 objects, a stop of 100 ms and more, which by default two of eight bursts of
    updates met. What lives for seconds, as a burst's messages do, is freed without the collector: it looks at young
    objects seldom too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 70)


def open_reader(url: str, namespace: str = LIVE, cache_ttl: float = 300.0) -> Reader:
    """Return a reader of a store; nothing is opened yet. Raises ValueError for a URL or namespace that is none."""
    if url.startswith("questdb:"):
        from api.questdb import QuestDbReader, QuestDbRows

        return QuestDbReader(QuestDbRows(url, namespace, cache_ttl))
    return Reader(ReadOnlyStore(url, namespace, cache_ttl))


def make_server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """Return a server, not started: `run()` serves in this thread, `should_exit = True` ends it."""
    config = uvicorn.Config(
        app, host=host, port=port, access_log=False, log_level="warning", ws=Sockets,
        ws_max_size=_LARGEST_MESSAGE, ws_per_message_deflate=False,  # 2,000 clients: a window for each, work for each
    )  # fmt: skip
    return uvicorn.Server(config)
