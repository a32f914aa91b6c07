"""Explanations: read where a worker has put them, asked for where it hasn't yet. Nothing is computed here."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from api.answers.explanations import ExplanationAnswer, Pending
from api.parameters import ReaderParameter, Timeframe, missing, part
from api.problems import RETRY_AFTER, FiniteJSON, declared
from api.reader import Reader
from api.timeframes import predicted
from models.explain.cache import Asked, ExplanationFolder
from models.explain.shortened import shortened
from schema.messages import prediction_id

router = APIRouter(prefix="/api/ai", tags=["models"])

MOST_WAITING: Final = 100  # requests that no worker has answered yet


FolderParameter = Annotated[ExplanationFolder, part("explanations", "a folder of explanations; set explain.directory")]
Top = Annotated[int, Query(ge=1, le=1000, description="Features that are named; the others are summed up.")]
Method = Literal["auto", "shapley", "lime"]
OfPrediction = Annotated[str | None, Query(alias="prediction_id", description="Which; the newest if left out.")]


@router.get("/explain/{symbol:path}", response_model=ExplanationAnswer, responses={
    202: {"model": Pending, "description": "A worker computes it."}, **declared(400, 404, 503),
})  # fmt: skip
def explain(
    symbol: str, reader: ReaderParameter, folder: FolderParameter, timeframe: Timeframe, method: Method = "auto",
    top: Top = 10, wanted: OfPrediction = None,
) -> FiniteJSON:  # fmt: skip
    """Return what each feature added to a symbol's newest prediction, or to the one named; 202 while pending."""
    asked = Asked(_checked(symbol, wanted) if wanted else _newest(symbol, timeframe, reader), method)
    if (found := folder.get(asked)) is not None:
        return FiniteJSON(shortened(found, top))
    if (why := folder.failure(asked)) is not None:
        raise HTTPException(404, why)
    if len(folder.waiting()) >= MOST_WAITING:
        raise HTTPException(
            503, f"{MOST_WAITING} explanations wait for a worker; start one (undertone worker), or ask later",
            {"Retry-After": RETRY_AFTER},
        )  # fmt: skip
    folder.ask(asked)
    query = urlencode({"prediction_id": asked.prediction_id, "method": method, "top": top})
    answer: dict[str, Any] = {"status": "pending", "prediction_id": asked.prediction_id, "symbol": symbol}
    return FiniteJSON(
        answer, 202, {"Location": f"/api/ai/explain/{quote(symbol)}?{query}", "Retry-After": RETRY_AFTER}
    )  # fmt: skip


def _newest(symbol: str, timeframe: str | None, reader: Reader) -> str:
    chosen = timeframe or next(iter(predicted(reader)), None)
    row = reader.newest_prediction(symbol, chosen) if chosen else None
    if row is None:
        raise missing("predictions", symbol, timeframe)
    return prediction_id(row)


def _checked(symbol: str, wanted: str) -> str:
    if f":{symbol}:" not in wanted:
        raise HTTPException(400, f"parameter prediction_id: {wanted!r} isn't of symbol {symbol!r}; take an answer's")
    return wanted
