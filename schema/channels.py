"""Names of bus channels and keys, and of the messages on them."""

from __future__ import annotations

from typing import Final

MODELS_ACTIVE: Final = "models.active"  # a new champion
ALERTS: Final = "alerts"  # anomalies and drift
PREDICTION_STREAM: Final = "predictions"
PREDICTION_SEQUENCES: Final = "prediction:sequences"  # hash: the sequence of each key's newest prediction


def prediction_channel(timeframe: str, symbol: str) -> str:
    """Channel that carries one JSON a prediction."""
    return f"predictions.{timeframe}.{symbol}"


def prediction_key(timeframe: str, symbol: str) -> str:
    """Key that holds the newest prediction."""
    return f"prediction:{timeframe}:{symbol}"


def prediction_key_of(channel: str) -> str | None:
    """Return the key of a prediction's channel, in the channel's namespace; None for another channel."""
    kind, _, series = channel.partition(".")
    timeframe, _, symbol = series.partition(".")
    namespace, _, name = kind.rpartition(":")
    if name != "predictions" or not symbol:
        return None
    return (f"{namespace}:" if namespace else "") + prediction_key(timeframe, symbol)
