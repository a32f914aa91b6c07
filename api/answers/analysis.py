"""Analyses and signals, of one symbol or of many."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.answers import Answer, Time
from api.answers.predictions import Probabilities


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
