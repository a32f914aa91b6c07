"""The store's tables: names, columns, keys. The DDL of every store is made from these rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCHEMA_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    `columns` maps a name to its type: `time` (ns UTC), `symbol` (few distinct texts), `text`, `int`, `float`,
    `bytes`. The first column is the designated timestamp. `key` makes writes idempotent: a row written twice
    stands there once. `wide` tables get one float column more for each feature of the catalogue.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    partition: str = "day"
    wide: bool = False


_ORIGIN = {"source": "symbol", "partition": "int", "offset": "int", "message_index": "int"}
_ORIGIN_KEY = ("time", "source", "partition", "offset", "message_index")
_BAR_KEY = ("time", "symbol", "timeframe", "bar_sequence")

TICKS = Table(
    "ticks",
    {
        "time": "time", "ts_recv": "time", "symbol": "symbol", "kind": "symbol", "price": "float", "size": "float",
        "bid": "float", "bid_size": "float", "ask": "float", "ask_size": "float", "side": "int", "conditions": "int",
        "sequence": "int", "verdict": "int", **_ORIGIN,
    },
    _ORIGIN_KEY,
)  # fmt: skip
BARS = Table(
    "bars",
    {
        "time": "time", "start": "time", "symbol": "symbol", "timeframe": "symbol", "bar_sequence": "int",
        "open": "float", "high": "float", "low": "float", "close": "float", "volume": "float", "notional": "float",
        "trades": "int", "quotes": "int", "bid": "float", "bid_size": "float", "ask": "float", "ask_size": "float",
        "mid": "float", "flags": "int", "phase": "int",
    },
    _BAR_KEY,
    "month",
)  # fmt: skip
FEATURES = Table(
    "features",
    {
        "time": "time", "symbol": "symbol", "timeframe": "symbol", "bar_sequence": "int", "fingerprint": "symbol",
        "validity": "bytes",
    },
    _BAR_KEY,
    wide=True,
)  # fmt: skip
PREDICTIONS = Table(
    "predictions",
    {
        "time": "time", "symbol": "symbol", "timeframe": "symbol", "bar_sequence": "int", "horizon": "int",
        "model_version": "symbol", "sequence": "int", "current_price": "float", "predicted_price": "float",
        "expected_return": "float", "volatility": "float", "direction": "symbol", "p_down": "float",
        "p_sideways": "float", "p_up": "float", "confidence": "float", "risk_level": "symbol", "members": "text",
        "fingerprint": "symbol", "tier": "symbol", **_ORIGIN, "received": "time", "closed": "time",
        "features_ready": "time", "inference_started": "time", "inference_done": "time", "enqueued": "time",
        "path": "bytes",  # float32 (H, 4) at 1 .. H bars: log return, volatility, p down, p up; empty where unwanted
    },
    (*_BAR_KEY, "horizon", "model_version"),
)  # fmt: skip
CHALLENGER_PREDICTIONS = Table(  # of versions that were scored beside what was served
    "challenger_predictions",
    {
        "time": "time", "symbol": "symbol", "timeframe": "symbol", "bar_sequence": "int", "horizon": "int",
        "model_version": "symbol", "current_price": "float", "predicted_price": "float", "expected_return": "float",
        "volatility": "float", "direction": "symbol", "p_down": "float", "p_sideways": "float", "p_up": "float",
        "confidence": "float", "risk_level": "symbol", "members": "text", "fingerprint": "symbol", "tier": "symbol",
    },
    (*_BAR_KEY, "horizon", "model_version"),
)  # fmt: skip
OUTCOMES = Table(
    "outcomes",
    {
        "time": "time", "symbol": "symbol", "timeframe": "symbol", "bar_sequence": "int", "horizon": "int",
        "model_version": "symbol", "realised_return": "float", "label": "int", "basis": "symbol", "known_at": "time",
        "expected_return": "float", "brier": "float", "log_loss": "float",
    },
    (*_BAR_KEY, "horizon", "model_version"),
)  # fmt: skip
SCORES = Table(
    "scores",
    {
        "time": "time", "timeframe": "symbol", "model_version": "symbol", "horizon": "int", "role": "symbol",
        "since": "time", "predictions": "int", "labelled": "int", "directional": "int", "accuracy": "float",
        "accuracy_low": "float", "accuracy_high": "float", "brier": "float", "log_loss": "float",
        "information_coefficient": "float", "e_value": "float", "e_needed": "float",
    },
    ("time", "timeframe", "model_version"),
    "month",
)  # fmt: skip
DECISIONS = Table(
    "decisions",
    {"time": "time", "kind": "symbol", "subject": "symbol", "timeframe": "symbol", "details": "text"},
    ("time", "kind", "subject", "timeframe"),
    "year",
)
EVENTS = Table(
    "events",
    {"time": "time", "kind": "symbol", "symbol": "symbol", "details": "text", **_ORIGIN},
    (*_ORIGIN_KEY, "kind", "symbol"),  # one message may tell of several symbols
    "month",
)
ALERTS = Table(
    "alerts",
    {"time": "time", "kind": "symbol", "symbol": "symbol", "timeframe": "symbol", "details": "text"},
    ("time", "kind", "symbol", "timeframe"),
    "month",
)
LATE_TICKS = Table("late_ticks", {**TICKS.columns, "watermark": "time"}, _ORIGIN_KEY)
DEAD_LETTERS = Table(
    "dead_letters",
    {
        "time": "time", "symbol": "symbol", "reason": "symbol", "found": "text", "expected": "text", **_ORIGIN,
    },
    _ORIGIN_KEY,
)  # fmt: skip

TABLES: Final = {
    table.name: table
    for table in (
        TICKS, BARS, FEATURES, PREDICTIONS, CHALLENGER_PREDICTIONS, OUTCOMES, SCORES, DECISIONS, EVENTS, ALERTS,
        LATE_TICKS, DEAD_LETTERS,
    )
}  # fmt: skip
