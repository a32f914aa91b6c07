"""Symbols that have been seen."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter

from api.answers.series import SeriesList
from api.parameters import ReaderParameter, now
from api.problems import FiniteJSON, declared
from schema.timeframes import SECOND, parse_timeframe
from schema.times import iso

router = APIRouter(tags=["symbols"])

_GRACE: Final = 5 * SECOND
_ACTIVITY: Final = 60 * SECOND  # how old an activity bar's prediction may be


@router.get("/symbols", response_model=SeriesList, responses=declared(503))
def symbols(reader: ReaderParameter) -> FiniteJSON:
    """Return every symbol and timeframe with the times of its first and last bar."""
    at = now()
    newest = {(row["symbol"], row["timeframe"]): row["time"] for row in reader.newest_predictions()}
    found = [_series(row, newest.get((row["symbol"], row["timeframe"])), at) for row in reader.spans()]
    return FiniteJSON({"symbols": found})


def _series(span: dict[str, Any], newest: int | None, at: int) -> dict[str, Any]:
    patience = _GRACE + 2 * (parse_timeframe(span["timeframe"]).nominal_ns or _ACTIVITY)
    return {
        "symbol": span["symbol"],
        "timeframe": span["timeframe"],
        "first": iso(span["first"]),
        "last": iso(span["last"]),
        "newest_prediction": None if newest is None else iso(newest),
        "fresh": newest is not None and at - newest <= patience,
    }
