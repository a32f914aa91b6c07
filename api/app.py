"""The service as an ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Access
from api.analysis.analyst import Analyst
from api.metrics import ApiMetrics, CountRequests
from api.problems import FiniteJSON, answer_with_problems
from api.reader import Reader
from api.routes import analyze, bars, board, features, health, metrics, predictions, signals, spectrum, symbols

WEB: Final = Path(__file__).parent / "web"
_ROUTES: Final = (health, analyze, predictions, signals, features, bars, spectrum, symbols, board, metrics)
_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def create_app(
    reader: Reader, *, version: str = "0", cors_origins: Sequence[str] = (), access: Access | None = None
) -> FastAPI:
    """Make the application over a reader. It starts whether or not there is a store yet.

    Without `access` everybody may ask everything: for the loopback only.
    """
    app = FastAPI(
        title="Undertone",
        version=version,
        description="Predictions, features and bars that the dataflow wrote. Times are ISO-8601 UTC with nanoseconds.",
        default_response_class=FiniteJSON,
        docs_url=None,
        redoc_url=None,
    )
    app.state.reader, app.state.version, app.state.started = reader, version, monotonic()
    app.state.websocket_connections = 0
    app.state.analyst = Analyst(reader)
    app.state.metrics = ApiMetrics(reader)
    for route in _ROUTES:
        app.include_router(route.router)
    app.mount("/", StaticFiles(directory=WEB, html=True), name="page")
    answer_with_problems(app)
    if access is not None:
        access.guard(app, frozenset({"/", *(f"/{file.name}" for file in WEB.iterdir())}))
    if cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(cors_origins), allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(_Headers)
    app.add_middleware(CountRequests, metrics=app.state.metrics)
    return app


class _Headers:
    """Middleware: nothing is loaded from elsewhere, nothing is kept by a cache on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await self._app(scope, receive, add if scope["type"] == "http" else send)
