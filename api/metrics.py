"""The service's metrics: one registry an app."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.reader import Reader
from api.store import StoreAway

_SECONDS: Final = (2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_PREDICTING: Final = frozenset(
    {"/predictions/latest", "/analyze", "/batch_analyze", "/api/ai/predict", "/api/ai/predict-batch"}
)


class _Newest(Collector):
    """Looks at the store when it is asked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def collect(self) -> Iterable[GaugeMetricFamily]:
        up = GaugeMetricFamily("undertone_api_store_up", "1 if the store can be read.")
        age = GaugeMetricFamily("undertone_api_newest_prediction_age_seconds", "Wall clock less its bar's close.")
        accuracy = GaugeMetricFamily(
            "model_accuracy", "Share of right signs among realised returns.", labels=("timeframe", "version")
        )
        try:
            self._reader.store.check()
            newest = max((row["time"] for row in self._reader.newest_predictions()), default=None)
            up.add_metric([], 1.0)
            if newest is not None:
                age.add_metric([], time.time() - newest / 1e9)
            for row in self._reader.newest_scores():
                if row["accuracy"] is not None:
                    accuracy.add_metric([row["timeframe"], row["model_version"]], row["accuracy"])
        except StoreAway:
            up.add_metric([], 0.0)
        return (up, age, accuracy)


class ApiMetrics:
    """Requests by method, route and status, and how long they took; WebSockets; what came to be served; the store."""

    def __init__(self, reader: Reader) -> None:
        """Declare them in a registry of their own."""
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "undertone_api_requests", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self.seconds = Histogram(
            "undertone_api_request_seconds", "Time to answer.", ("route",), registry=registry, buckets=_SECONDS
        )
        self.prediction_seconds = Histogram(
            "prediction_duration_seconds", "Time to answer a call for newest predictions.", ("route",),
            registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        self.predictions = Counter(
            "predictions", "New predictions that came to be served, by timeframe.", ("timeframe",), registry=registry
        )
        self.open = 0  # WebSockets
        Gauge("websocket_connections", "Open WebSockets.", registry=registry).set_function(lambda: self.open)
        self.closes = Counter(
            "undertone_api_websocket_closes", "WebSockets that ended, by reason.", ("reason",), registry=registry
        )
        self.hand_on_seconds = Histogram(
            "undertone_api_hand_on_seconds", "From hearing of new predictions to telling who listens.",
            registry=registry, buckets=_SECONDS,
        )  # fmt: skip
        ProcessCollector(registry=registry)
        registry.register(_Newest(reader))
        self._answered: dict[tuple[str, str, int], tuple[Any, ...]] = {}

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count and time one request."""
        found = self._answered.get((method, route, status))  # a look-up of a label takes longer than to count
        if found is None:
            timed = [self.seconds.labels(route).observe]
            if route in _PREDICTING:
                timed.append(self.prediction_seconds.labels(route).observe)
            found = self._answered[method, route, status] = (self.requests.labels(method, route, status).inc, *timed)
        count, *observers = found
        count()
        for observe in observers:
            observe(seconds)
