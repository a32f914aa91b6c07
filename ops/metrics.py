"""Every metric of a dataflow process, declared once with its description. `docs/metrics.md` is made from this file.

Labels are few and bounded: reasons, timeframes, stations. Never a symbol.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest, start_http_server

from ops.errors import DependencyAway

_SECONDS: Final = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_FINE: Final = tuple(round(1e-4 * 10 ** (k / 8), 7) for k in range(33))  # eight a decade, 0.1 ms to 1 s


_declared: list[Declared] = []


class Declared(NamedTuple):
    """A metric as the documentation shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    description: str


def _counter(name: str, description: str, *labels: str) -> Counter:
    _declared.append(Declared(f"undertone_{name}_total", "counter", labels, description))
    return Counter(f"undertone_{name}", description, labels)


def _gauge(name: str, description: str, *labels: str) -> Gauge:
    _declared.append(Declared(f"undertone_{name}", "gauge", labels, description))
    return Gauge(f"undertone_{name}", description, labels)


def _histogram(name: str, description: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
    _declared.append(Declared(f"undertone_{name}", "histogram", labels, description))
    return Histogram(f"undertone_{name}", description, labels, buckets=buckets)


TICKS_READ: Final = _counter("ticks_read", "Ticks handed over by the source. read = used + late + dead + waiting.")
TICKS_USED: Final = _counter("ticks_used", "Ticks that reached the features.")
TICKS_LATE: Final = _counter("ticks_late", "Ticks later than the reorder bound; stored, never applied.")
TICKS_DEAD: Final = _counter("ticks_dead", "Refused ticks, by reason (schema.reasons.Dead).", "reason")
MARKET_EVENTS: Final = _counter(
    "market_events",
    "Events of the market that took effect, by kind (schema.events.EventKind) and whether one was ignored (yes, no); "
    "the stored event says why.",
    "kind", "ignored",
)  # fmt: skip
TICKS_WAITING: Final = _gauge("ticks_waiting", "Ticks in the reorder buffer.")
BARS: Final = _counter("bars", "Closed bars, by timeframe.", "timeframe")
FEATURE_ROWS: Final = _counter("feature_rows", "Feature rows, by timeframe.", "timeframe")
PREDICTIONS: Final = _counter("predictions", "Predictions, by timeframe.", "timeframe")
BARRIERS: Final = _counter("barriers", "Bar times that the barrier closed, by reason (all_in, deadline).", "reason")
BATCHES: Final = _counter("batches", "Passes through the flow.")
SOURCE_LAG: Final = _gauge("source_lag_messages", "Messages of a partition behind what was read.", "partition")
SOURCE_AWAY: Final = _gauge("source_away", "1 while no broker of the source answers and the flow waits for one.")
LANES_HELD: Final = _gauge("lanes_held", "Partitions that are paused because others are behind in event time.")
COMMITS_FAILED: Final = _counter("commits_failed", "Offsets of checkpoints that could not be committed to the group.")
PASS_SECONDS: Final = _histogram(
    "pass_seconds",
    "How long a batch kept the flow from asking its source again: one that closed bars, or one of ticks alone, and of "
    "these while the store had rows to flush (bars, ticks, ticks_flushing).",
    "part",
    buckets=_FINE,
)
STATION_SECONDS: Final = _histogram("station_seconds", "Time of one batch in a station.", "station")
PREDICTION_SECONDS: Final = _histogram(
    "prediction_seconds", "From the receipt of the last tick in a prediction to its queueing for the sinks."
)
STAGE_SECONDS: Final = _histogram(
    "stage_seconds",
    "From one stage of a batch with predictions to the next: closed, features, inference_started, inference_done, "
    "enqueued, published (handed to the bus), and from enqueued to written (acknowledged by the store).",
    "stage",
)
CLOSE_SECONDS: Final = _histogram(
    "close_seconds", "From the close of a bar, by its own time, to the queueing of its prediction."
)
WATERMARK_LAG: Final = _gauge(
    "watermark_lag_seconds", "Wall clock less watermark; it grows when the feed or the flow falls behind."
)
CHECKPOINT_TIME: Final = _gauge("checkpoint_time_seconds", "When the newest checkpoint was cut (Unix time).")
CHECKPOINT_AGE: Final = _gauge("checkpoint_age_seconds", "How long ago the newest checkpoint began to count.")
CHECKPOINT_BYTES: Final = _gauge("checkpoint_bytes", "Size of the newest checkpoint file.")
CHECKPOINT_SECONDS: Final = _histogram("checkpoint_seconds", "How long the flow waited for a checkpoint to be cut.")
STORE_LAG: Final = _gauge("store_lag_batches", "Passes whose rows the store hasn't acknowledged yet.")
STORE_STATE: Final = _gauge(
    "store_state",
    "0 up, 1 spooling (the server is away), 2 full (the flow waits), 3 away (a topic of kafka.*), 4 failed.",
)
STORE_SPOOL: Final = _gauge("store_spool_bytes", "Rows on our disk that the store doesn't have yet.")
STORE_REJECTED: Final = _counter("store_rejected", "Rows that the store refused; they are in dead_letters.")
BUS_STATE: Final = _gauge("bus_state", "0 up, 3 away: predictions are stored, not published.")
BUS_WAITING: Final = _gauge("bus_waiting_messages", "Messages that the bus doesn't have yet.")
BUS_SECONDS: Final = _histogram(
    "bus_seconds", "From the queueing of predictions to the reply of Redis that published them."
)
BUS_DROPPED: Final = _counter(
    "bus_dropped", "Messages dropped for newer ones while the bus was away; its stream gets them from the store."
)
MODEL_SWAPS: Final = _counter("model_swaps", "Times a running flow took over another model.", "timeframe")
MODEL_INFO: Final = _gauge("model_info", "1 for the version that predicts, 0 for one that did.", "timeframe", "version")
INGEST_MESSAGES: Final = _counter("ingest_messages", "Messages that the exchange sent an ingester.")
INGEST_TICKS: Final = _counter("ingest_ticks", "Trades and quotes that an ingester wrote.")
INGEST_HEARTBEATS: Final = _counter("ingest_heartbeats", "Heartbeats that an ingester wrote.")
INGEST_DUPLICATES: Final = _counter("ingest_duplicates", "Messages that an ingester left out: their number was known.")
INGEST_UNREADABLE: Final = _counter("ingest_unreadable", "Messages of the exchange that were kept as dead letters.")
INGEST_COMPLAINTS: Final = _counter("ingest_complaints", "Errors that the exchange reported to an ingester.")
INGEST_MISSING: Final = _counter("ingest_missing", "Trades that never came, by the numbers around them.")
INGEST_GAPS: Final = _counter("ingest_gaps", "Gap marks written, one a symbol, by reason.", "reason")
INGEST_RECONNECTS: Final = _counter("ingest_reconnects", "Connections lost or refused, by reason.", "reason")
INGEST_CONNECTED: Final = _gauge("ingest_connected", "1 while an ingester has a connection, else 0.")
INGEST_LAG_SECONDS: Final = _histogram(
    "ingest_lag_seconds", "From the exchange's time of a message to its receipt; includes what the clocks differ by."
)

MODEL_ACCURACY: Final = _gauge(
    "model_accuracy", "Share of right signs among realised returns, of versions in service.", "timeframe", "version"
)
MODEL_BRIER: Final = _gauge("model_brier", "Mean Brier score of versions in service.", "timeframe", "version")
ALERTS: Final = _counter("alerts", "Alerts that were raised, by kind (schema.alerts.AlertKind).", "timeframe", "kind")
DRIFT: Final = _gauge(
    "drift_ratio",
    "Of the newest window of features or predictions: the greatest stability index in units of its bound. It is out "
    "of the ordinary beyond 1, and raises an alert beyond `alerts.drift_margin`.",
    "timeframe",
    "part",
)
RESTARTS: Final = _gauge("restarts", "How often the supervisor has started this dataflow again.")
TIER: Final = _gauge(
    "inference_tier", "1 for the tier that answers (gpu, cpu, trees, stale), else 0.", "timeframe", "tier"
)
DEGRADED: Final = _gauge("inference_degraded", "1 while a lesser tier answers than the model has.", "timeframe")
TIER_CHANGES: Final = _counter("tier_changes", "Times inference moved to another tier.", "timeframe", "tier")


def declared() -> tuple[Declared, ...]:
    """Return every metric above, in order."""
    return tuple(_declared)


def text() -> bytes:
    """Return all metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)


def serve(host: str, port: int) -> None:
    """Answer Prometheus from a thread that ends with the process; port 0 answers nowhere.

    Raises DependencyAway where the port is taken.
    """
    if not port:
        return
    try:
        start_http_server(port, host)
    except OSError as error:
        raise DependencyAway(
            f"metrics: {host}:{port} can't be listened on: {error.strerror or error}; set metrics.port, 0 for none"
        ) from None
