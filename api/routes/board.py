"""What the page shows, in one answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers.board import Board
from api.parameters import ReaderParameter, Timeframe, now
from api.problems import FiniteJSON, declared
from api.routes.predictions import aged
from api.run import run_state
from api.timeframes import predicted

router = APIRouter(tags=["page"])


@router.get("/board", response_model=Board, responses=declared(400, 503))
@router.get("/api/v1/board", response_model=Board, responses=declared(400, 503))  # as all the contract has no path for
def board(
    reader: ReaderParameter,
    timeframe: Timeframe,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    prices: Annotated[int, Query(ge=2, le=500)] = 60,
) -> FiniteJSON:
    """Return each symbol's newest prediction with its recent prices, and the run; the shortest timeframe if unsaid."""
    at = now()
    timeframes = predicted(reader)
    chosen = timeframe or (timeframes[0] if timeframes else None)
    found = reader.newest_predictions(chosen) if chosen else []
    recent = reader.recent_prices(chosen, limit, prices) if chosen else {}
    rows = [{**aged(row, at), "prices": recent.get(row["symbol"], [])} for row in found[:limit]]
    return FiniteJSON(
        {
            "timeframe": chosen,
            "timeframes": timeframes,
            "rows": rows,
            "left_out": len(found) - len(rows),
            "run": run_state(reader.status(), at),
        }
    )
