"""What the POST routes take."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from schema.timeframes import parse_timeframe

MOST_SYMBOLS: Final = 50

Symbol = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Chosen(_Request):
    """What an analysis is asked for, besides its symbols."""

    timeframe: str = Field("1d", max_length=32, description="1s … 1d, 1w, 1M, tick:N …; one that is running.")
    prediction_horizon: int = Field(1, ge=1, le=30, description="Bars ahead.")
    include_spectral: bool = True
    include_rag_context: bool = Field(True, description="The most similar past situations, and what followed.")
    confidence_threshold: float = Field(0.5, ge=0, le=1, description="Below it the direction is neutral.")

    @field_validator("timeframe")
    @classmethod
    def _timeframe(cls, name: str) -> str:
        return parse_timeframe(name).name


class AnalyzeRequest(Chosen):
    """One symbol."""

    symbol: Symbol


class BatchAnalyzeRequest(Chosen):
    """Up to 50 symbols."""

    symbols: list[Symbol] = Field(min_length=1, max_length=MOST_SYMBOLS)


class PredictRequest(_Request):
    """One symbol's signal."""

    symbol: Symbol
    timeframe: str | None = Field(None, max_length=32, description="The shortest one that is running if left out.")
    confidence_threshold: float = Field(0.5, ge=0, le=1, description="Below it the signal is HOLD.")


class PredictBatchRequest(_Request):
    """Signals of up to 50 symbols."""

    symbols: list[Symbol] = Field(min_length=1, max_length=MOST_SYMBOLS)
    timeframe: str | None = Field(None, max_length=32)
    confidence_threshold: float = Field(0.5, ge=0, le=1)
