"""The JSON of a prediction: the same object on the bus and in the API's answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from schema.times import iso


def prediction_message(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a row of the table `predictions` (undefined floats are None) into what clients read.

    `expected_return` is in percent, as `expected_log_return` is the table's; `timestamp` is the close of the bar
    it was made from; `produced_at` is wall clock. No value is NaN or infinite.
    """
    expected = row["expected_return"]
    return {
        "prediction_id": prediction_id(row),
        "symbol": row["symbol"],
        "timeframe": row["timeframe"],
        "timestamp": iso(row["time"]),
        "sequence": row["sequence"],
        "bar_sequence": row["bar_sequence"],
        "prediction_horizon": row["horizon"],
        "current_price": row["current_price"],
        "predicted_price": row["predicted_price"],
        "expected_return": None if expected is None else _finite(100.0 * math.expm1(min(expected, 700.0))),
        "expected_log_return": expected,
        "volatility": row["volatility"],
        "direction": row["direction"],
        "probabilities": {"down": row["p_down"], "sideways": row["p_sideways"], "up": row["p_up"]},
        "confidence": row["confidence"],
        "risk_level": row["risk_level"],
        "members": msgspec.json.decode(row["members"] or "{}"),
        "model_version": row["model_version"],
        "fingerprint": row["fingerprint"],
        "tier": row["tier"],
        "origin": {key: row[key] for key in ("source", "partition", "offset", "message_index")},
        "produced_at": iso(row["enqueued"]) if row["enqueued"] else None,
    }


def prediction_id(row: Mapping[str, Any]) -> str:
    """Return the row's key as one text."""
    return (
        f"{row['timeframe']}:{row['symbol']}:{row['time']}:{row['bar_sequence']}:{row['horizon']}"
        f":{row['model_version']}"
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
