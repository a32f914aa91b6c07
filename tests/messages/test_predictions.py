"""What is encoded together is to the byte what each row's message is."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from dataflows.messages.predictions import encode_predictions
from schema.messages import prediction_message
from schema.predictions import Tier

N = 400
FLOATS = (
    "current_price", "predicted_price", "expected_return", "volatility", "p_down", "p_sideways", "p_up", "confidence",
)  # fmt: skip
ODD = (np.nan, 0.0, -0.0, 5e-324, 1e16, 1e22, 60_000.01, 0.0001, -1.5, 700.0, 1e308, -1e308)


def columns(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    votes = [msgspec.json.encode({'a"b': [0.1, np.nan, 1e-6], name: [1.0, 0.25, 3e-9]}).decode() for name in "gä"]
    texts = np.array(["A", 'qu"ote', "com,ma", "back\\slash", "ä€😀", "new\nline", ""], object)
    floats = {name: rng.choice([*ODD, *rng.normal(0, 1, 20)], N) for name in FLOATS}
    whole = {name: rng.integers(0, 10**9, N) for name in ("bar_sequence", "sequence", "offset")}
    return {
        **floats, **whole, "time": 1_700_000_000_000_000_000 + rng.integers(0, 3, N) * 999_999_937,
        "symbol": rng.choice(texts, N), "timeframe": rng.choice(np.array(["1s", "tick:5"], object), N),
        "direction": rng.choice(np.array(["bullish", "bearish"], object), N),
        "risk_level": rng.choice(np.array(["low", "high"], object), N),
        "members": rng.choice(np.array(["", "{}", *votes], object), N),
        "horizon": [5] * N, "model_version": ["m_1"] * N, "fingerprint": ["f" * 16] * N,
        "tier": rng.choice(np.array(list(Tier), object), N), "source": rng.choice(texts, N).tolist(),
        "partition": rng.integers(0, 4, N).tolist(), "message_index": rng.integers(0, 9, N).tolist(),
        "enqueued": rng.choice([0, 1_700_000_000_123_456_789], N).tolist(), "path": [b""] * N, "received": [1] * N,
    }  # fmt: skip


def test_predictions_that_are_encoded_together_are_what_each_is_by_itself() -> None:
    for seed in range(5):
        given = columns(seed)
        cells = (column.tolist() if isinstance(column, np.ndarray) else column for column in given.values())
        alone = [msgspec.json.encode(prediction_message(dict(zip(given, row)))) for row in zip(*cells)]
        assert encode_predictions(given) == alone


def test_no_rows_are_no_messages() -> None:
    assert encode_predictions({name: column[:0] for name, column in columns(0).items()}) == []
