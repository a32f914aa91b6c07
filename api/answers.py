"""The shapes of the answers, as the OpenAPI document shows them. Undefined numbers are null.

Long answers don't pass through these models: validating 1,000 predictions took longer than reading them. A test
holds every route's answer against its model instead.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["healthy", "degraded", "unhealthy"]
Time = str  # ISO-8601, UTC, Z, nanoseconds


class Answer(BaseModel):
    """An answer; its numbers are finite."""

    model_config = ConfigDict(protected_namespaces=(), extra="forbid")


class Origin(Answer):
    """The last tick in a prediction."""

    source: str | None
    partition: int | None
    offset: int | None
    message_index: int | None


class Probabilities(Answer):
    """Of the three classes."""

    down: float | None
    sideways: float | None
    up: float | None


class Prediction(Answer):
    """One prediction, as on the bus."""

    prediction_id: str
    symbol: str
    timeframe: str
    timestamp: Time = Field(description="Close of the bar it was made from.")
    sequence: int | None
    bar_sequence: int
    prediction_horizon: int = Field(description="Bars.")
    current_price: float | None
    predicted_price: float | None
    expected_return: float | None = Field(description="Percent.")
    expected_log_return: float | None
    volatility: float | None = Field(description="Predicted standard deviation of the log return.")
    direction: str | None = Field(description="bullish, bearish or neutral.")
    probabilities: Probabilities
    confidence: float | None
    risk_level: str | None = Field(description="low, medium or high.")
    members: dict[str, list[float | None]] = Field(description="Each member's probabilities: down, sideways, up.")
    model_version: str
    fingerprint: str | None
    tier: str | None = Field(description="Which part of the model answered: gpu, cpu, trees, stale.")
    origin: Origin
    produced_at: Time | None


class AgedPrediction(Prediction):
    """A prediction and how long ago its bar closed."""

    age_ms: float


class LatestPredictions(Answer):
    """The newest prediction of each series."""

    predictions: list[AgedPrediction]
    unknown: list[str] = Field(description="Symbols that were asked for and have no prediction.")


class PredictionPage(Answer):
    """Past predictions, newest first."""

    symbol: str
    predictions: list[Prediction]
    next: str | None = Field(description="Give it as `before` for the next page; null on the last.")


class Bar(Answer):
    """One closed bar."""

    time: Time
    start: Time
    bar_sequence: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    notional: float | None
    trades: int | None
    quotes: int | None
    bid: float | None
    bid_size: float | None
    ask: float | None
    ask_size: float | None
    mid: float | None
    flags: int | None
    phase: int | None


class BarList(Answer):
    """Newest bars, oldest first."""

    symbol: str
    timeframe: str
    bars: list[Bar]


class FeatureCatalogue(Answer):
    """Every column of a feature row, in order."""

    fingerprint: str
    columns: list[dict[str, Any]]


class FeatureRow(Answer):
    """The newest feature row."""

    symbol: str
    timeframe: str
    timestamp: Time
    bar_sequence: int
    fingerprint: str
    names: list[str]
    values: list[float | None]
    validity: list[int] = Field(description="0 valid, else bits of schema.reasons.Why.")


class Series(Answer):
    """A symbol in a timeframe."""

    symbol: str
    timeframe: str
    first: Time
    last: Time
    newest_prediction: Time | None
    fresh: bool = Field(description="Whether its newest prediction is younger than two bars and five seconds.")


class SeriesList(Answer):
    """What has been seen."""

    symbols: list[Series]


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


class BoardRow(AgedPrediction):
    """A prediction with its series' recent prices."""

    prices: list[float]


class Board(Answer):
    """What the page shows."""

    timeframe: str | None
    timeframes: list[str]
    rows: list[BoardRow]
    left_out: int
    run: Run
