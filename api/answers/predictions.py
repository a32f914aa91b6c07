"""Predictions, at every horizon, and what became of them."""

from __future__ import annotations

from pydantic import Field

from api.answers import Answer, Time


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
