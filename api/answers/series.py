"""What is stored of series: bars, feature rows, spectra."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.answers import Answer, Time


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
