"""Symbols that have been seen."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter

from api.answers import SeriesList
from api.parameters import ReaderParameter, now
from api.problems import declared
from schema.timeframes import SECOND, parse_timeframe
from schema.times import iso

router = APIRouter(tags=["symbols"])

_GRACE: Final = 5 * SECOND
_ACTIVITY: Final = 60 * SECOND  # how old an activity bar's prediction may be


@router.get("/symbols", response_model=SeriesList, responses=declared(503))
def symbols(reader: ReaderParameter) -> dict[str, Any]:
    """Return every symbol and timeframe with the times of its first and last bar."""
    at = now()
    return {"symbols": [_series(reader, symbol, timeframe, at) for symbol, timeframe in reader.series("bars")]}


def _series(reader: ReaderParameter, symbol: str, timeframe: str, at: int) -> dict[str, Any]:
    first, last = reader.span(symbol, timeframe)
    newest = reader.newest_prediction(symbol, timeframe)
    patience = _GRACE + 2 * (parse_timeframe(timeframe).nominal_ns or _ACTIVITY)
    return {
        "symbol": symbol,
        "timeframe": timeframe,
        "first": iso(first),
        "last": iso(last),
        "newest_prediction": iso(newest["time"]) if newest else None,
        "fresh": newest is not None and at - newest["time"] <= patience,
    }
