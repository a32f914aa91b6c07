"""OHLCV bars."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers.series import Bar, BarList
from api.parameters import ReaderParameter, Timeframe
from api.problems import FiniteJSON, declared
from api.series import found_in_series
from schema.times import iso

router = APIRouter(tags=["bars"])


@router.get("/bars/{symbol:path}", response_model=BarList, responses=declared(400, 404, 503))
def bars(
    symbol: str,
    reader: ReaderParameter,
    timeframe: Timeframe,
    limit: Annotated[int, Query(ge=1, le=5000)] = 200,
) -> FiniteJSON:
    """Return a symbol's newest bars, oldest first; without a timeframe those of its first one."""
    chosen, rows = found_in_series(reader, "bars", symbol, timeframe, lambda name: reader.bars(symbol, name, limit))
    times = ({"time": iso(row["time"]), "start": iso(row["start"])} for row in rows)
    kept = ({name: row[name] for name in Bar.model_fields} for row in rows)
    found = [{**row, **time} for row, time in zip(kept, times)]
    return FiniteJSON({"symbol": symbol, "timeframe": chosen, "bars": found})
