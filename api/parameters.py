"""What routes take from the request, read and checked in one place."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query, Request
from starlette.exceptions import HTTPException

from api.analysis.analyst import Analyst
from api.reader import CURSOR, Reader
from schema.timeframes import parse_timeframe
from schema.times import parse_iso


def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.reader
    return reader


def _analyst(request: Request) -> Analyst:
    analyst: Analyst = request.app.state.analyst
    return analyst


def read_timeframe(
    timeframe: Annotated[str | None, Query(description="1s … 1d, 1w, 1M, tick:N …")] = None,
) -> str | None:
    """Return its usual name. Raises HTTPException where it is none."""
    return None if timeframe is None else _checked(parse_timeframe, timeframe, "timeframe").name


def read_symbols(
    symbols: Annotated[str | None, Query(description="Separated by commas; all if left out.")] = None,
) -> list[str]:
    """Return the names in the text, none where it is left out."""
    return [] if symbols is None else [name.strip() for name in symbols.split(",") if name.strip()]


def _start(start: Annotated[str | None, Query(description="ISO-8601; this time and later.")] = None) -> int | None:
    return None if start is None else _checked(parse_iso, start, "start")


def _end(end: Annotated[str | None, Query(description="ISO-8601; before this time.")] = None) -> int | None:
    return None if end is None else _checked(parse_iso, end, "end")


def _before(before: Annotated[str | None, Query(description="`next` of the page before.")] = None) -> list[Any] | None:
    return None if before is None else _checked(_read_cursor, before, "before")


def _checked(read: Any, text: str, name: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise HTTPException(400, f"parameter {name}: {error}") from None


def cursor(row: dict[str, Any]) -> str:
    """Return the place of a prediction among its symbol's, as one opaque text."""
    return base64.urlsafe_b64encode(msgspec.json.encode([row[name] for name in CURSOR])).decode()


def _read_cursor(text: str) -> list[Any]:
    try:
        place = msgspec.json.decode(base64.urlsafe_b64decode(text), type=tuple[int, int, str, int, str])
    except (ValueError, msgspec.MsgspecError):
        raise ValueError(f"{text!r} is no page; expected the `next` of an answer") from None
    return list(place)


def missing(what: str, symbol: str, timeframe: str | None) -> HTTPException:
    """Return the 404 of a series without the rows asked for."""
    where = f" in timeframe {timeframe}" if timeframe else ""
    return HTTPException(404, f"there are no {what} of symbol {symbol!r}{where}; /symbols lists what there is")


def part(name: str, without: str) -> Any:
    """Return a dependency on a part that the service may be started without: then a 503 says so, and what to set."""

    def found(request: Request) -> Any:
        if (kept := getattr(request.app.state, name)) is None:
            raise HTTPException(503, f"this service was started without {without}")
        return kept

    return Depends(found)


def now() -> int:
    """Return the wall clock in ns UTC: ages are told by it, nothing else."""
    return time.time_ns()


ReaderParameter = Annotated[Reader, Depends(_reader)]
AnalystParameter = Annotated[Analyst, Depends(_analyst)]
Timeframe = Annotated[str | None, Depends(read_timeframe)]
Symbols = Annotated[list[str], Depends(read_symbols)]
Start = Annotated[int | None, Depends(_start)]
End = Annotated[int | None, Depends(_end)]
Before = Annotated[list[Any] | None, Depends(_before)]
