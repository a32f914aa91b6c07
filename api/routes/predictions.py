"""Predictions: the newest and the past ones."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from api import exports
from api.answers.predictions import LatestPredictions, PredictionPage
from api.parameters import Before, End, ReaderParameter, Start, Symbols, Timeframe, cursor, missing, now
from api.problems import FiniteJSON, declared
from schema.messages import prediction_message
from schema.tables import PREDICTIONS

router = APIRouter(tags=["predictions"])

MOST_ROWS: Final = 10_000
_TABLE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {exports.CSV: {"schema": {"type": "string"}}, exports.ARROW: {"schema": {"type": "string"}}}}
}


def aged(row: dict[str, Any], at: int) -> dict[str, Any]:
    """Return a prediction's message with its age at wall-clock time `at` (ns UTC)."""
    return {**prediction_message(row), "age_ms": (at - row["time"]) / 1e6}


@router.get("/predictions/latest", response_model=LatestPredictions, responses=declared(400, 404, 503))
def latest(reader: ReaderParameter, symbols: Symbols, timeframe: Timeframe) -> FiniteJSON:
    """Return the newest prediction of each series; 404 where none of the symbols asked for has one."""
    at = now()
    found = [row for row in reader.newest_predictions(timeframe) if not symbols or row["symbol"] in symbols]
    unknown = sorted(set(symbols) - {row["symbol"] for row in found})
    if unknown and not found:
        raise missing("predictions", ", ".join(unknown), timeframe)
    return FiniteJSON({"predictions": [aged(row, at) for row in found], "unknown": unknown})


@router.get(
    "/predictions/{symbol:path}", response_model=PredictionPage, responses={**declared(400, 404, 406, 503), **_TABLE}
)
def past(
    symbol: str,
    reader: ReaderParameter,
    timeframe: Timeframe,
    start: Start,
    end: End,
    before: Before,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 100,
) -> Response:
    """Return a symbol's predictions with start <= timestamp < end, newest first, a page at a time.

    `Accept: text/csv` or `application/vnd.apache.arrow.stream` gives all columns of the table; the next page is in
    the header `Link`.
    """
    kind = exports.wanted(request)
    rows = reader.past_predictions(symbol, timeframe, start, end, limit + 1, before)
    if not rows and before is None:
        raise missing("predictions", symbol, timeframe)
    page = rows[:limit]
    following = cursor(page[-1]) if len(rows) > limit else None
    if kind != exports.JSON:
        return exports.answer(kind, PREDICTIONS, page, following, request)
    return FiniteJSON(
        {
            "symbol": symbol,
            "predictions": [prediction_message(row) for row in page],
            "next": following,
        }
    )
