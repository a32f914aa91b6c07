"""The service's metrics: one registry an app."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.reader import Reader
from api.store import StoreAway


class _Newest(Collector):
    """Looks at the store when it is asked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def collect(self) -> Iterable[GaugeMetricFamily]:
        up = GaugeMetricFamily("undertone_api_store_up", "1 if the store can be read.")
        age = GaugeMetricFamily("undertone_api_newest_prediction_age_seconds", "Wall clock less its bar's close.")
        try:
            self._reader.store.check()
            newest = max((row["time"] for row in self._reader.newest_predictions()), default=None)
            up.add_metric([], 1.0)
            if newest is not None:
                age.add_metric([], time.time() - newest / 1e9)
        except StoreAway:
            up.add_metric([], 0.0)
        return (up, age)


class ApiMetrics:
    """Requests by method, route and status; how long they took; the store."""

    def __init__(self, reader: Reader) -> None:
        """Declare them in a registry of their own."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "undertone_api_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram("undertone_api_request_seconds", "Time to answer.", ("route",), registry=self.registry)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Newest(reader))


class CountRequests:
    """Middleware that counts and times requests. Routes are labels, never paths."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        """Wrap `app`."""
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request through the app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)
