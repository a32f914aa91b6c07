"""The panels of the dashboard, row by row. A panel is a question; its queries are PromQL over our metrics."""

from __future__ import annotations

from typing import Final, NamedTuple


class Query(NamedTuple):
    """One curve or one curve a label: `legend` may name labels like {{timeframe}}."""

    expression: str
    legend: str


class Panel(NamedTuple):
    """One picture. `unit` is Grafana's name of it: s, bytes, ops (a second), short (a count), percentunit."""

    title: str
    unit: str
    queries: tuple[Query, ...]


class Row(NamedTuple):
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


def _rate(metric: str) -> str:
    return f"sum(rate(undertone_{metric}_total[$__rate_interval]))"


def _rate_by(metric: str, label: str) -> Query:
    return Query(f"sum by ({label}) (rate(undertone_{metric}_total[$__rate_interval]))", f"{{{{{label}}}}}")


def _quantile(share: float, metric: str, legend: str, by: str = "") -> Query:
    labels = f"le, {by}" if by else "le"
    buckets = f"sum by ({labels}) (rate(undertone_{metric}_bucket[$__rate_interval]))"
    return Query(f"histogram_quantile({share}, {buckets})", legend)


ROWS: Final = (
    Row(
        "Ticks",
        (
            Panel(
                "Ticks: read = used + late + dead + waiting",
                "ops",
                tuple(Query(_rate(f"ticks_{fate}"), fate) for fate in ("read", "used", "late", "dead")),
            ),
            Panel("Refused ticks by reason", "ops", (_rate_by("ticks_dead", "reason"),)),
            Panel(
                "How far behind the flow is", "s", (Query("max(undertone_watermark_lag_seconds)", "clock − watermark"),)
            ),
            Panel("Ticks in the reorder buffer", "short", (Query("sum(undertone_ticks_waiting)", "ticks"),)),
        ),
    ),
    Row(
        "Bars, features, predictions",
        (
            Panel("Bars closed", "ops", (_rate_by("bars", "timeframe"),)),
            Panel("Feature rows", "ops", (_rate_by("feature_rows", "timeframe"),)),
            Panel("Predictions", "ops", (_rate_by("predictions", "timeframe"),)),
            Panel("What closes the barrier", "ops", (_rate_by("barriers", "reason"),)),
            Panel("Model that predicts", "short", (Query("undertone_model_info == 1", "{{timeframe}} {{version}}"),)),
            Panel(
                "Tier that answers: gpu, cpu, trees, stale",
                "short",
                (Query("undertone_inference_tier == 1", "{{timeframe}} {{tier}}"),),
            ),
            Panel("Tiers changed", "ops", (_rate_by("tier_changes", "tier"),)),
            Panel("Models taken over", "short", (Query("sum(undertone_model_swaps_total)", "since the start"),)),
        ),
    ),
    Row(
        "Latency",
        (
            Panel(
                "Last tick of a prediction → queued for the sinks",
                "s",
                tuple(_quantile(share, "prediction_seconds", f"p{100 * share:g}") for share in (0.5, 0.99, 0.999)),
            ),
            Panel(
                "Slowest 1 % of batches by station",
                "s",
                (_quantile(0.99, "station_seconds", "{{station}}", by="station"),),
            ),
            Panel(
                "Slowest 1 % from stage to stage",
                "s",
                (_quantile(0.99, "stage_seconds", "{{stage}}", by="stage"),),
            ),
            Panel(
                "Close of a bar, by its own time → its prediction queued",
                "s",
                tuple(_quantile(share, "close_seconds", f"p{100 * share:g}") for share in (0.5, 0.99, 0.999)),
            ),
            Panel("Passes through the flow", "ops", (Query(_rate("batches"), "passes"),)),
        ),
    ),
    Row(
        "Durability",
        (
            Panel(
                "Passes that the store hasn't acknowledged",
                "short",
                (Query("sum(undertone_store_lag_batches)", "passes"),),
            ),
            Panel(
                "Age of the newest checkpoint",
                "s",
                (Query("undertone_checkpoint_age_seconds", "{{instance}}"),),
            ),
            Panel("Size of a checkpoint", "bytes", (Query("undertone_checkpoint_bytes", "{{instance}}"),)),
            Panel(
                "How long the flow waits for a checkpoint",
                "s",
                tuple(_quantile(share, "checkpoint_seconds", f"p{100 * share:g}") for share in (0.5, 0.99)),
            ),
        ),
    ),
    Row(
        "Kafka",
        (
            Panel(
                "Messages behind, by partition",
                "short",
                (Query("undertone_source_lag_messages", "{{instance}} {{partition}}"),),
            ),
            Panel(
                "Partitions held back because others are behind",
                "short",
                (Query("undertone_lanes_held", "{{instance}}"),),
            ),
            Panel("Broker away", "short", (Query("undertone_source_away", "{{instance}}"),)),
            Panel("Offsets that could not be committed", "ops", (Query(_rate("commits_failed"), "commits"),)),
        ),
    ),
    Row(
        "Store and bus",
        (
            Panel(
                "State: 0 up, 1 store away, 2 store's spool full, 3 bus away, 4 store failed",
                "short",
                (Query("undertone_store_state", "store"), Query("undertone_bus_state", "bus")),
            ),
            Panel(
                "Rows on our disk that the store doesn't have", "bytes", (Query("undertone_store_spool_bytes", "rows"),)
            ),
            Panel("Rows that the store refused", "ops", (Query(_rate("store_rejected"), "rows"),)),
            Panel(
                "Messages that the bus doesn't have", "short", (Query("undertone_bus_waiting_messages", "messages"),)
            ),
            Panel("Messages dropped for newer ones", "ops", (Query(_rate("bus_dropped"), "messages"),)),
        ),
    ),
    Row(
        "Alerts",
        (
            Panel("Alerts raised, by kind", "ops", (_rate_by("alerts", "kind"),)),
            Panel(
                "Drift of the newest window, 1 = the bound",
                "short",
                (Query("undertone_drift_ratio", "{{timeframe}} {{part}}"),),
            ),
        ),
    ),
    Row(
        "Feeds",
        (
            Panel(
                "Exchange's messages, and what was written",
                "ops",
                tuple(Query(_rate(f"ingest_{what}"), what) for what in ("messages", "ticks", "heartbeats")),
            ),
            Panel(
                "Exchange's time of a message → its receipt",
                "s",
                tuple(_quantile(share, "ingest_lag_seconds", f"p{100 * share:g}") for share in (0.5, 0.99)),
            ),
            Panel("Gaps marked, by reason", "ops", (_rate_by("ingest_gaps", "reason"),)),
            Panel("Connections lost, by reason", "ops", (_rate_by("ingest_reconnects", "reason"),)),
            Panel(
                "Missing, repeated, unreadable, complained about",
                "ops",
                tuple(
                    Query(_rate(f"ingest_{what}"), what)
                    for what in ("missing", "duplicates", "unreadable", "complaints")
                ),
            ),
            Panel("Connected", "short", (Query('undertone_ingest_connected{job="ingest"}', "{{instance}}"),)),
        ),
    ),
    Row(
        "Service",
        (
            Panel("Requests", "ops", (_rate_by("api_requests", "status"),)),
            Panel(
                "Slowest 1 % of answers by route",
                "s",
                (_quantile(0.99, "api_request_seconds", "{{route}}", by="route"),),
            ),
            Panel(
                "Age of the newest prediction",
                "s",
                (Query("undertone_api_newest_prediction_age_seconds", "{{instance}}"),),
            ),
            Panel("Store readable", "short", (Query("undertone_api_store_up", "{{instance}}"),)),
        ),
    ),
    Row(
        "Processes",
        (
            Panel("Memory", "bytes", (Query("process_resident_memory_bytes", "{{job}} {{instance}}"),)),
            Panel(
                "Cores used",
                "short",
                (Query("rate(process_cpu_seconds_total[$__rate_interval])", "{{job}} {{instance}}"),),
            ),
            Panel("Started again by the supervisor", "short", (Query("undertone_restarts", "{{instance}}"),)),
            Panel("Answering Prometheus", "short", (Query("up", "{{job}} {{instance}}"),)),
        ),
    ),
)
