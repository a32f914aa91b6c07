"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Access
from api.access.origin import SameOrigin
from api.analysis.analyst import Analyst
from api.dataflow import Dataflow
from api.live.feed import Feed
from api.live.hub import Hub
from api.live.jobs import JobFeed
from api.live.looking import StoreFeed
from api.live.realtime import Realtime
from api.metrics import ApiMetrics
from api.observe import Observe
from api.problems import FiniteJSON, answer_with_problems
from api.reader import Reader
from api.routes import (
    analyze,
    bars,
    board,
    explain,
    features,
    flow,
    health,
    metrics,
    models,
    outcomes,
    path,
    predictions,
    signals,
    spectrum,
    symbols,
)  # fmt: skip
from api.routes import (
    jobs as training,
)
from api.warm import Warm
from models.explain.cache import ExplanationFolder
from models.jobs.jobs import Jobs
from models.registry.register import Versions

WEB: Final = Path(__file__).parent / "web"
_ROUTES: Final = (health, flow, analyze, predictions, path, outcomes, signals, features, bars, spectrum, symbols,
                  board, models, explain, training, metrics)  # fmt: skip
_HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def create_app(
    reader: Reader,
    *,
    version: str = "0",
    cors_origins: Sequence[str] = (),
    access: Access | None = None,
    feed: Feed | None = None,
    dataflow: Dataflow | None = None,
    versions: Versions | None = None,
    access_log: str = "debug",
    tracer: Any = None,
    jobs: Jobs | None = None,
    own_architectures: bool = False,
    explanations: ExplanationFolder | None = None,
    cache_ttl: float = 300.0,
) -> FastAPI:
    """Make the application over a reader. It starts whether or not there is a store yet.

    Without `access` everybody may ask everything: for the loopback only. `feed` tells of new predictions; without it
    the store is looked at. `dataflow` is asked how it is; without it only the store is.
    `versions` is the registry; without it the routes of models answer 503, and so do those of training without `jobs`
    and those of explanations without `explanations`.
    With `own_architectures` workers know more names of models than the built-in ones. Requests are logged at
    `access_log`. No answer is kept for more than `cache_ttl` seconds.
    `tracer` is an OpenTelemetry provider that requests are told as spans; none without it.
    """
    app = FastAPI(
        title="Undertone",
        version=version,
        description="Predictions, features and bars that the dataflow wrote. Times are ISO-8601 UTC with nanoseconds.",
        default_response_class=FiniteJSON,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        telemetry={"tracing": tracer is not None, "tracer_provider": tracer, "metrics": False, "logs": False,
                   "auto_configure": False},
    )  # fmt: skip
    app.state.reader, app.state.version, app.state.started = reader, version, monotonic()
    app.state.versions, app.state.explanations = versions, explanations
    app.state.jobs, app.state.own_architectures = jobs, own_architectures
    app.state.dataflow = dataflow or Dataflow("")
    app.state.analyst = Analyst(reader)
    app.state.metrics = ApiMetrics(reader)
    app.state.hub = Hub(feed or StoreFeed(reader), app.state.analyst, app.state.metrics)
    app.state.job_feed = JobFeed(jobs)
    app.state.access = access
    for route in _ROUTES:
        app.include_router(route.router)
    app.mount("/", StaticFiles(directory=WEB, html=True), name="page")
    answer_with_problems(app)
    app.add_middleware(Warm, hub=app.state.hub, reader=reader, analyst=app.state.analyst, ttl=cache_ttl)
    app.add_middleware(Realtime, hub=app.state.hub, job_feed=app.state.job_feed, metrics=app.state.metrics,
                       guarded=access is not None)  # fmt: skip
    if access is not None:
        access.guard(app, frozenset({"/", *(f"/{file.relative_to(WEB)}" for file in WEB.rglob("*.*"))}))
    if cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(cors_origins), allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(SameOrigin, allowed=cors_origins)
    app.add_middleware(_Headers)
    app.add_middleware(Observe, metrics=app.state.metrics, level=access_log)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    listening = [asyncio.create_task(feed.run()) for feed in (app.state.hub, app.state.job_feed)]
    yield
    for task in listening:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    if app.state.access is not None:
        await app.state.access.limits.close()


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
