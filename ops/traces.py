"""Spans to an OpenTelemetry collector, for those who installed its packages."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from ops.errors import ConfigurationError

_NEEDED: Final = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"


def tracer_provider(url: str, service: str) -> Any:
    """Return a provider whose spans go to a collector at `url` (OTLP over HTTP, port 4318 as a rule), in batches.

    Raises ConfigurationError where the packages aren't installed: they are no dependency of ours.
    """
    try:
        trace, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
        resources = import_module("opentelemetry.sdk.resources")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise ConfigurationError(
            f"api.traces is {url!r}, and {error.name} isn't installed; pip install {_NEEDED}, or leave it empty"
        ) from None
    provider = trace.TracerProvider(resource=resources.Resource.create({"service.name": service}))
    exporter = otlp.OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces")
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    return provider
