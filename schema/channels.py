"""Names of bus channels and keys, and of the messages on them."""

from __future__ import annotations

from typing import Final

MODELS_ACTIVE: Final = "models.active"  # a new champion
ALERTS: Final = "alerts"
PREDICTION_STREAM: Final = "predictions"


def prediction_channel(timeframe: str, symbol: str) -> str:
    """Channel that carries one JSON a prediction."""
    return f"predictions.{timeframe}.{symbol}"


def prediction_key(timeframe: str, symbol: str) -> str:
    """Key that holds the newest prediction."""
    return f"prediction:{timeframe}:{symbol}"
