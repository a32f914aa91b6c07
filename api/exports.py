"""Rows as CSV or Arrow, for clients that ask for them by `Accept`."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.store import Row
from schema.tables import Table
from schema.times import iso

CSV: Final = "text/csv"
ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"
_ARROW_TYPES: Final = {"symbol": "string", "text": "string", "int": "int64", "float": "float64", "bytes": "binary"}


def wanted(request: Request) -> str:
    """Return which of JSON, CSV and Arrow the client likes best. Raises a 406 where it takes none of them."""
    header = request.headers.get("accept", "*/*")
    ranked = sorted(
        ((_quality(part), -place, _kind(part)) for place, part in enumerate(header.split(","))), reverse=True
    )
    for quality, _, kind in ranked:
        if quality > 0 and kind is not None:
            return kind
    raise HTTPException(406, f"Accept: {header} is none of {JSON}, {CSV} and {ARROW}")


def answer(kind: str, table: Table, rows: Sequence[Row], following: str | None, request: Request) -> Response:
    """Return rows of a table with all its columns; a `Link` header names the next page."""
    body = _ENCODERS[kind](table, rows)
    headers = {}
    if following is not None:
        headers["Link"] = f'<{request.url.include_query_params(before=following)}>; rel="next"'
    return Response(body, media_type=kind, headers=headers)


def _quality(part: str) -> float:
    for word in part.split(";")[1:]:
        name, _, value = word.strip().partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _kind(part: str) -> str | None:
    name = part.split(";")[0].strip().lower()
    return {CSV: CSV, ARROW: ARROW, JSON: JSON, "*/*": JSON, "application/*": JSON, "text/*": CSV}.get(name)


def _as_csv(table: Table, rows: Sequence[Row]) -> bytes:
    """Encode with times as ISO-8601 and bytes in base64; an undefined cell is empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for row in rows:
        writer.writerow([_cell(row[name], kind) for name, kind in table.columns.items()])
    return file.getvalue().encode()


def _cell(value: Any, kind: str) -> Any:
    if value is None or (kind == "time" and not value):
        return ""
    if kind == "bytes":
        return b64encode(value).decode()
    return iso(value) if kind == "time" else value


def _as_arrow(table: Table, rows: Sequence[Row]) -> bytes:
    """Encode as an IPC stream with times as timestamps in UTC."""
    import pyarrow as pa

    types = {
        "time": pa.timestamp("ns", "UTC"),
        **{kind: pa.type_for_alias(name) for kind, name in _ARROW_TYPES.items()},
    }
    schema = pa.schema([(name, types[kind]) for name, kind in table.columns.items()])
    columns = [
        [(row[name] or None) if kind == "time" else row[name] for row in rows] for name, kind in table.columns.items()
    ]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.table(columns, schema=schema))
    return bytes(sink.getvalue())


_ENCODERS: Final[dict[str, Callable[[Table, Sequence[Row]], bytes]]] = {CSV: _as_csv, ARROW: _as_arrow}
