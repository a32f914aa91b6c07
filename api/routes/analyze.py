"""Analyses: the newest streamed prediction of a symbol, with what is known around it. No model runs here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from api.analysis.analyst import Analyst, asked
from api.analysis.horizon import NotPredicted, at_horizon
from api.answers.analysis import Analysis, AnalysisBatch
from api.parameters import AnalystParameter, ReaderParameter, missing, now
from api.problems import FiniteJSON, declared
from api.reader import Reader
from api.requests import AnalyzeRequest, BatchAnalyzeRequest, Chosen
from api.timeframes import predicted
from schema.messages import prediction_message

router = APIRouter(tags=["analysis"])


@router.post("/analyze", response_model=Analysis, responses=declared(400, 404, 503))
def analyze(wanted: AnalyzeRequest, reader: ReaderParameter, analyst: AnalystParameter) -> FiniteJSON:
    """Return one symbol's newest prediction at any horizon of 1 to 30 bars, with indicators, context and spectrum."""
    return FiniteJSON(_one(wanted.symbol, wanted, reader, analyst))


@router.post("/batch_analyze", response_model=AnalysisBatch, responses=declared(400, 404, 503))
def batch_analyze(wanted: BatchAnalyzeRequest, reader: ReaderParameter, analyst: AnalystParameter) -> FiniteJSON:
    """Return an analysis or an error for each symbol: one unknown symbol doesn't fail the rest."""
    running(reader, wanted.timeframe)
    return FiniteJSON(each(wanted.symbols, lambda symbol: _one(symbol, wanted, reader, analyst)))


def _one(symbol: str, wanted: Chosen, reader: Reader, analyst: Analyst) -> dict[str, Any]:
    begun = perf_counter()
    running(reader, wanted.timeframe)
    row = reader.newest_prediction(symbol, wanted.timeframe)
    if row is None:
        raise missing("predictions", symbol, wanted.timeframe)
    try:
        row = at_horizon(row, wanted.prediction_horizon)
    except NotPredicted as error:
        raise HTTPException(404, str(error)) from None
    analysis = analysed(prediction_message(row), wanted, analyst)
    analysis["age_ms"] = (now() - row["time"]) / 1e6
    analysis["processing_time_ms"] = (perf_counter() - begun) * 1e3
    return analysis


def analysed(said: dict[str, Any], wanted: Chosen, analyst: Analyst) -> dict[str, Any]:
    """Return the answer to a request but for what its moment gives: age and processing time. Raises StoreAway."""
    analysis = asked(analyst.analysis(said), spectral=wanted.include_spectral, threshold=wanted.confidence_threshold)
    if wanted.include_rag_context:
        analysis.update(analyst.similar(said))
    return analysis


def each(symbols: Sequence[str], answer: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Return a result or an error for each symbol, in their order."""
    return {"results": [_result(symbol, answer) for symbol in symbols]}


def _result(symbol: str, answer: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"symbol": symbol, "result": answer(symbol), "error": None}
    except HTTPException as error:
        return {"symbol": symbol, "result": None, "error": {"status": error.status_code, "detail": error.detail}}


def running(reader: Reader, timeframe: str) -> None:
    """Raise the 404 of a timeframe without predictions, which names those that have some."""
    there = predicted(reader)
    if timeframe not in there:
        raise HTTPException(404, f"timeframe {timeframe!r} isn't running; predictions are there in {there}")
