"""The newest prediction at every horizon that is stored with it."""

from __future__ import annotations

import math
from typing import Any, Final

from fastapi import APIRouter

from api.analysis.horizon import NotPredicted, at_horizon
from api.answers.predictions import PredictedPath
from api.parameters import ReaderParameter, Timeframe
from api.problems import FiniteJSON, declared
from api.series import found_in_series
from api.store import Row
from schema.messages import prediction_message

router = APIRouter(prefix="/api/v1", tags=["predictions"])

_FURTHEST: Final = 30  # bars


@router.get("/path/{symbol:path}", response_model=PredictedPath, responses=declared(400, 404, 503))
def path(symbol: str, reader: ReaderParameter, timeframe: Timeframe) -> FiniteJSON:
    """Return the newest prediction's expected price, band and probabilities at 1 to 30 bars ahead.

    Where no path is stored (`store.paths_from_s`) the one step is the model's own horizon.
    """
    _, row = found_in_series(
        reader, "predictions", symbol, timeframe, lambda name: reader.newest_prediction(symbol, name)
    )
    said = prediction_message(row)
    kept = ("symbol", "timeframe", "timestamp", "prediction_id", "prediction_horizon", "current_price", "probabilities",
            "model_version", "tier", "members")  # fmt: skip
    return FiniteJSON({**{name: said[name] for name in kept}, "steps": _steps(row)})


def _steps(row: Row) -> list[dict[str, Any]]:
    steps = []
    for horizon in range(1, _FURTHEST + 1):
        try:
            steps.append(_step(at_horizon(row, horizon)))
        except NotPredicted:
            continue
    return steps


def _step(row: Row) -> dict[str, Any]:
    said = prediction_message(row)
    kept = ("prediction_horizon", "expected_return", "volatility", "predicted_price", "probabilities")
    price, sigma = said["predicted_price"], said["volatility"]
    known = price is not None and sigma is not None and sigma < 100
    low, high = (price * math.exp(-sigma), price * math.exp(sigma)) if known else (None, None)
    return {**{name: said[name] for name in kept}, "low": low, "high": high}
