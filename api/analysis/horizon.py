"""One prediction at any horizon: the primary one stands in the row, the others in its `path`."""

from __future__ import annotations

import math

import numpy as np

from api.store import Row


class NotPredicted(Exception):
    """The prediction says nothing of a horizon; the text says of which it does."""


def at_horizon(row: Row, horizon: int) -> Row:
    """Return a row of `predictions` as it would be with `horizon` bars as its primary one.

    The path holds float32 (H, 4): expected log return, volatility, probability of down and of up at 1 .. H bars.
    Raises NotPredicted where the row has no such horizon.
    """
    if horizon == row["horizon"]:
        return row
    path = np.frombuffer(row.get("path") or b"", np.float32).reshape(-1, 4)
    if horizon > len(path):
        raise NotPredicted(
            f"the prediction is of {row['horizon']} bars, and {len(path)} horizons are stored with it; ask for "
            f"prediction_horizon {row['horizon']}, or lower store.paths_from_s of the dataflow to this timeframe"
        )
    expected, volatility, down, up = (float(value) for value in path[horizon - 1])
    price = row["current_price"]
    return {
        **row, "horizon": horizon, "expected_return": expected, "volatility": volatility, "p_down": down, "p_up": up,
        "p_sideways": 1.0 - down - up, "confidence": max(down, up) / (down + up),
        "predicted_price": None if price is None else price * math.exp(expected),
    }  # fmt: skip
