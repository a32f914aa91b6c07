"""How service and dataflow do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.answers import Answer, Time

State = Literal["healthy", "degraded", "unhealthy"]


class SystemMetrics(Answer):
    """Load of the machine."""

    cpu_percent: float | None
    memory_percent: float | None
    disk_percent: float | None


class Dependency(Answer):
    """Something the service needs."""

    state: str
    detail: str
    age_seconds: float | None


class Health(Answer):
    """How the service and what it depends on are doing."""

    status: State
    timestamp: Time
    version: str
    model_loaded: bool
    model_version: str | None
    database_connected: bool
    websocket_connections: int
    uptime_seconds: float
    system_metrics: SystemMetrics
    dependencies: dict[str, Dependency]
    newest_prediction: Time | None
    newest_prediction_age_seconds: float | None


class Alive(Answer):
    """The probes' answer."""

    status: str


class Run(Answer):
    """The dataflow's last report."""

    state: str = Field(description="running, silent, ended or unknown.")
    detail: str
    age_seconds: float | None
    model_version: str | None
    at: Time | None
    watermark: Time | None
    totals: dict[str, int]
    rates: dict[str, float | None]


class LatencySpan(Answer):
    """Percentiles of one way between two stages (ms)."""

    name: str
    count: int
    p50: float | None
    p90: float | None
    p99: float | None
    worst: float | None = Field(description="Null where only a histogram is known.")


class Tier(Answer):
    """Which part of the model answers in a timeframe, and which would at its best."""

    timeframe: str
    answers: str
    full: str


class Flow(Answer):
    """How the dataflow does: its last report, its metrics where it answers, the stages of stored predictions."""

    run: Run
    tiers: list[Tier]
    gauges: dict[str, float] | None = Field(description="Lags and queues; null where its metrics can't be read.")
    stored: list[LatencySpan] = Field(description="Of the newest stored predictions of one symbol a timeframe.")
    process: list[LatencySpan] | None = Field(description="Since it began; null where its metrics can't be read.")
