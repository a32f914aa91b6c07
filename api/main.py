"""Run the service: what `undertone api` calls."""

from __future__ import annotations

from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.reader import Reader
from api.store import ReadOnlyStore
from schema.stores import LIVE


def serve(
    store: str,
    *,
    namespace: str = LIVE,
    host: str = "127.0.0.1",
    port: int = 8001,
    cache_ttl: float = 300.0,
    cors_origins: Sequence[str] = (),
    version: str = "0",
) -> None:
    """Serve `sqlite:///path` until SIGINT or SIGTERM. Port 0 takes a free one.

    Raises ValueError for a store URL or namespace that is none, SystemExit where the port is taken.
    """
    reader = Reader(ReadOnlyStore(store, namespace, cache_ttl))
    make_server(create_app(reader, version=version, cors_origins=cors_origins), host, port).run()


def make_server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """Return a server, not started: `run()` serves in this thread, `should_exit = True` ends it."""
    return uvicorn.Server(uvicorn.Config(app, host=host, port=port, access_log=False, log_level="warning", ws="none"))
