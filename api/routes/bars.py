"""OHLCV bars."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.answers import Bar, BarList
from api.parameters import ReaderParameter, Timeframe, missing
from api.problems import FiniteJSON, declared
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
    chosen = timeframe or first_timeframe(reader, "bars", symbol)
    rows = reader.bars(symbol, chosen, limit) if chosen else []
    if not rows:
        raise missing("bars", symbol, timeframe)
    times = ({"time": iso(row["time"]), "start": iso(row["start"])} for row in rows)
    kept = ({name: row[name] for name in Bar.model_fields} for row in rows)
    found = [{**row, **time} for row, time in zip(kept, times)]
    return FiniteJSON({"symbol": symbol, "timeframe": chosen, "bars": found})


def first_timeframe(reader: ReaderParameter, table: str, symbol: str) -> str | None:
    """Return the first timeframe in which a table holds the symbol."""
    return next((timeframe for name, timeframe in reader.series(table) if name == symbol), None)
