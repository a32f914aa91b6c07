"""Signals: a prediction in one word, with each member's probabilities."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from api.analysis.analyst import direction
from api.answers.analysis import Signal, SignalBatch
from api.parameters import ReaderParameter, missing
from api.problems import declared
from api.reader import Reader
from api.requests import PredictBatchRequest, PredictRequest
from api.routes.analyze import each, running
from api.timeframes import predicted
from schema.messages import prediction_message

router = APIRouter(prefix="/api/ai", tags=["analysis"])

_SIGNALS: Final = {"bullish": "BUY", "bearish": "SELL", "neutral": "HOLD"}


@router.post("/predict", response_model=Signal, responses=declared(400, 404, 503))
def predict(wanted: PredictRequest, reader: ReaderParameter) -> dict[str, Any]:
    """Return one symbol's signal from its newest streamed prediction."""
    return _signal(wanted.symbol, _timeframe(wanted.timeframe, reader), wanted.confidence_threshold, reader)


@router.post("/predict-batch", response_model=SignalBatch, responses=declared(400, 404, 503))
def predict_batch(wanted: PredictBatchRequest, reader: ReaderParameter) -> dict[str, Any]:
    """Return a signal or an error for each symbol."""
    timeframe = _timeframe(wanted.timeframe, reader)
    return each(wanted.symbols, lambda symbol: _signal(symbol, timeframe, wanted.confidence_threshold, reader))


def _timeframe(wanted: str | None, reader: Reader) -> str:
    if wanted is not None:
        running(reader, wanted)
        return wanted
    there = predicted(reader)
    if not there:
        raise HTTPException(404, "there are no predictions yet; start the dataflow with a model (undertone run)")
    return there[0]


def _signal(symbol: str, timeframe: str, threshold: float, reader: Reader) -> dict[str, Any]:
    row = reader.newest_prediction(symbol, timeframe)
    if row is None:
        raise missing("predictions", symbol, timeframe)
    said = prediction_message(row)
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "timestamp": said["timestamp"],
        "prediction_id": said["prediction_id"],
        "signal": _SIGNALS[direction(said, threshold) or "neutral"],
        "confidence": said["confidence"],
        "details": {f"{name}_probs": votes for name, votes in said["members"].items()},
    }
