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


class SpectralAnalysis(Answer):
    """Shares of the power of the last 252 log returns; they add up to 1."""

    low_freq_trend: float | None
    mid_freq_cycle: float | None
    high_freq_noise: float | None


class TechnicalIndicators(Answer):
    """Null where history is too short."""

    rsi: float | None = Field(description="Wilder's, of 14 bars, from the bar's stored feature row.")
    volatility_20d: float | None = Field(description="Standard deviation of the last 20 daily log returns.")
    sma_ratio: float | None = Field(description="Close over the mean of the last 20.")
    volume_trend: float | None = Field(description="Log of the mean volume of 5 bars over that of 20.")


class MarketContext(Answer):
    """Null where history is too short."""

    current_price: float | None
    price_change_1d: float | None = Field(description="Percent, against the close one calendar day ago.")
    price_change_7d: float | None
    volume_rank: float | None = Field(
        description="Percentile of today's volume, up to five minutes ago, among the last 20 days' by that time."
    )


class Situation(Answer):
    """A past moment of the same series."""

    as_of: Time
    distance: float = Field(description="Root mean square difference of the features, in standard deviations.")
    realised_return: float = Field(description="Percent, over as many bars as were asked for.")


class OutcomeSpread(Answer):
    """What followed the similar situations (percent)."""

    count: int
    mean: float
    median: float
    low: float = Field(description="The 10th percentile.")
    high: float = Field(description="The 90th.")
    share_up: float


class Analysis(Answer):
    """A prediction, and what is known around it."""

    symbol: str
    timeframe: str
    timestamp: Time
    current_price: float | None
    predicted_price: float | None
    prediction_horizon: int = Field(description="Bars.")
    confidence: float | None
    direction: str | None = Field(description="bullish, bearish or neutral.")
    expected_return: float | None = Field(description="Percent.")
    risk_level: str | None = Field(description="low, medium or high.")
    probabilities: Probabilities
    spectral_analysis: SpectralAnalysis | None
    technical_indicators: TechnicalIndicators
    market_context: MarketContext
    similar_situations: list[Situation] | None = Field(description="Nearest first; null where they weren't asked for.")
    outcome_spread: OutcomeSpread | None
    model_version: str
    tier: str | None
    sequence: int | None
    prediction_id: str
    as_of: Time = Field(description="Close of the newest bar in it.")
    age_ms: float
    processing_time_ms: float


class Failure(Answer):
    """Why a symbol has no result."""

    status: int
    detail: str


class AnalysisResult(Answer):
    """One symbol's analysis, or why there is none."""

    symbol: str
    result: Analysis | None
    error: Failure | None


class AnalysisBatch(Answer):
    """In the order they were asked for."""

    results: list[AnalysisResult]


class Signal(Answer):
    """A prediction in one word."""

    symbol: str
    timeframe: str
    timestamp: Time
    prediction_id: str
    signal: Literal["BUY", "SELL", "HOLD"]
    confidence: float | None
    details: dict[str, list[float | None]] = Field(description="Each member's probabilities: down, sideways, up.")


class SignalResult(Answer):
    """One symbol's signal, or why there is none."""

    symbol: str
    result: Signal | None
    error: Failure | None


class SignalBatch(Answer):
    """In the order they were asked for."""

    results: list[SignalResult]


class Band(Answer):
    """A part of the spectrum."""

    range: tuple[float, float] = Field(description="Cycles a bar.")
    power: float
    interpretation: str


class FrequencyBands(Answer):
    """Split at 0.1 and 0.3 cycles a bar."""

    low_frequency: Band
    medium_frequency: Band
    high_frequency: Band


class SpectrumLines(Answer):
    """For plotting."""

    frequency: list[float] = Field(description="Cycles a bar.")
    power: list[float]


class SpectrumAnswer(Answer):
    """Power of log returns by frequency."""

    symbol: str
    timeframe: str
    frequency_bands: FrequencyBands
    spectral_centroid: float = Field(description="Cycles a bar.")
    total_power: float = Field(description="Squared log return: the sum of squared deviations from the mean.")
    analysis_date: Time
    returns: int = Field(description="Log returns that went in.")
    spectrum: SpectrumLines


class LiveScore(Answer):
    """How a version has done so far, from the predictions whose horizon has passed."""

    timestamp: Time
    since: Time
    role: Literal["champion", "challenger"]
    predictions: int
    labelled: int = Field(description="Of these with a label: none where a session ended, a bar was missing ...")
    directional: int = Field(description="Of these with a return and a forecast other than 0.")
    accuracy: float | None = Field(description="Share of right signs among `directional`.")
    accuracy_low: float | None = Field(description="95 % interval by blocks of ten horizons; null under 20 of them.")
    accuracy_high: float | None
    brier: float | None
    log_loss: float | None
    information_coefficient: float | None
    e_value: float | None = Field(description="Challengers: evidence that they are better (docs/champion.md).")
    e_needed: float | None


class ModelVersion(Answer):
    """One version of the registry."""

    version: str
    timeframe: str
    prediction_horizon: int
    created: str
    role: Literal["champion", "challenger"] | None
    active: bool
    members: list[str]
    columns: int
    fingerprint: str
    score: LiveScore | None


class RegistryAnswer(Answer):
    """All versions, oldest first."""

    models: list[ModelVersion]


class Changed(Answer):
    """What is wanted of running dataflows now; it takes effect at a bar time that none has passed."""

    version: str
    timeframe: str
    role: Literal["champion", "challenger"]
    number: int


class VersionEvaluation(Answer):
    """What became of one version's predictions."""

    timeframe: str
    model_version: str
    prediction_horizon: int
    first: Time
    last: Time
    predictions: int
    labelled: int
    directional: int
    accuracy: float | None
    brier: float | None
    log_loss: float | None
    mean_return: float | None = Field(description="Mean realised log return.")


class Evaluation(Answer):
    """Live-scored accuracy of a symbol's past predictions."""

    symbol: str
    evaluations: list[VersionEvaluation]


class PathStep(Answer):
    """What the newest prediction says of one horizon."""

    prediction_horizon: int = Field(description="Bars ahead.")
    expected_return: float | None = Field(description="Percent.")
    volatility: float | None = Field(description="Predicted standard deviation of the log return.")
    predicted_price: float | None
    low: float | None = Field(description="The price one predicted standard deviation below the expected one.")
    high: float | None
    probabilities: Probabilities


class PredictedPath(Answer):
    """The newest prediction at each horizon that is stored with it, the nearest first."""

    symbol: str
    timeframe: str
    timestamp: Time
    prediction_id: str
    prediction_horizon: int = Field(description="The model's own one, in bars.")
    current_price: float | None
    probabilities: Probabilities
    model_version: str
    tier: str | None
    members: dict[str, list[float | None]] = Field(description="Each member's probabilities: down, sideways, up.")
    steps: list[PathStep]


class Outcome(Answer):
    """A past prediction, and what happened."""

    timestamp: Time
    known_at: Time
    prediction_horizon: int
    model_version: str
    direction: str | None
    confidence: float | None
    current_price: float | None
    predicted_price: float | None
    expected_return: float | None = Field(description="Percent.")
    realised_return: float | None = Field(description="Percent.")
    hit: bool | None = Field(description="Whether the signs agree; null where either is 0 or undefined.")
    basis: str | None = Field(description="What the return rests on, or why there is none.")
    brier: float | None
    log_loss: float | None


class OutcomeList(Answer):
    """Of the newest served predictions whose horizon has passed, newest first."""

    symbol: str
    timeframe: str
    outcomes: list[Outcome]


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
