"""Past predictions beside what happened."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.answers.predictions import OutcomeList
from api.parameters import ReaderParameter, Timeframe
from api.problems import FiniteJSON, declared
from api.series import found_in_series
from api.store import Row
from schema.messages import prediction_message
from schema.times import iso

router = APIRouter(prefix="/api/v1", tags=["predictions"])


@router.get("/outcomes/{symbol:path}", response_model=OutcomeList, responses=declared(400, 404, 503))
def outcomes(
    symbol: str,
    reader: ReaderParameter,
    timeframe: Timeframe,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> FiniteJSON:
    """Return a symbol's newest served predictions whose horizon has passed, with the returns that followed."""
    chosen, rows = found_in_series(
        reader, "outcomes", symbol, timeframe, lambda name: reader.newest_outcomes(symbol, name, limit)
    )
    return FiniteJSON({"symbol": symbol, "timeframe": chosen, "outcomes": [_outcome(row) for row in rows]})


def _outcome(row: Row) -> dict[str, Any]:
    said, realised = prediction_message(row), row["realised_return"]
    kept = ("timestamp", "prediction_horizon", "model_version", "direction", "confidence", "current_price",
            "predicted_price", "expected_return")  # fmt: skip
    product = None if realised is None or said["expected_return"] is None else realised * said["expected_return"]
    return {
        **{name: said[name] for name in kept}, "known_at": iso(row["known_at"]),
        "realised_return": None if realised is None else 100.0 * math.expm1(min(realised, 700.0)),
        "hit": product > 0 if product else None,
        "basis": row["basis"], "brier": row["brier"], "log_loss": row["log_loss"],
    }  # fmt: skip
