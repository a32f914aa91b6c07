"""The JSON of many predictions at once: `schema.messages.prediction_message` of each row, byte for byte.

A second's 1,000 predictions are waited for, and a dictionary a row with dictionaries in it takes 7 us of that; structs
over columns, whose texts and times are made once, take 2 us. `tests/messages/test_predictions.py` compares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Raw, Struct

from schema.times import iso

_encode: Final = msgspec.json.Encoder().encode  # writes NaN as null
_MOST: Final = 700.0  # of a log return: beyond it, expm1 has no finite value


class _Probabilities(Struct, gc=False):
    down: float
    sideways: float
    up: float


class _Origin(Struct, gc=False):
    source: str
    partition: int
    offset: int
    message_index: int


class _Prediction(Struct, gc=False):
    """The fields of the message, in its order."""

    prediction_id: str
    symbol: str
    timeframe: str
    timestamp: str
    sequence: int
    bar_sequence: int
    prediction_horizon: int
    current_price: float
    predicted_price: float
    expected_return: float
    expected_log_return: float
    volatility: float
    direction: str
    probabilities: _Probabilities
    confidence: float
    risk_level: str
    members: Raw
    model_version: str
    fingerprint: str
    tier: str
    origin: _Origin
    produced_at: str | None


def encode_predictions(columns: Mapping[str, Sequence[Any] | np.ndarray]) -> list[bytes]:
    """Return the message of each row of the table `predictions`; undefined floats are NaN."""
    c = {name: column.tolist() if isinstance(column, np.ndarray) else column for name, column in columns.items()}
    series = zip(c["timeframe"], c["symbol"], c["time"], c["bar_sequence"], c["horizon"], c["model_version"])
    messages = map(
        _Prediction,
        [f"{timeframe}:{symbol}:{time}:{bar}:{horizon}:{version}" for timeframe, symbol, time, bar, horizon, version
         in series],
        c["symbol"], c["timeframe"], _times(c["time"]), c["sequence"], c["bar_sequence"], c["horizon"],
        c["current_price"], c["predicted_price"], [_percent(value) for value in c["expected_return"]],
        c["expected_return"], c["volatility"], c["direction"],
        map(_Probabilities, c["p_down"], c["p_sideways"], c["p_up"]), c["confidence"], c["risk_level"],
        [Raw(members.encode() or b"{}") for members in c["members"]], c["model_version"], c["fingerprint"], c["tier"],
        map(_Origin, c["source"], c["partition"], c["offset"], c["message_index"]),
        [text if at else None for at, text in zip(c["enqueued"], _times(c["enqueued"]))],
    )  # fmt: skip
    return [_encode(message) for message in messages]


def _percent(log_return: float) -> float:
    return 100.0 * math.expm1(min(log_return, _MOST))


def _times(column: Sequence[int]) -> list[str]:
    """Return times as texts: rows that are made together have few different ones."""
    texts = {time: iso(time) for time in set(column)}
    return [texts[time] for time in column]
