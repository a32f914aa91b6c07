"""Bars that the project's own store holds: SQLite or QuestDB."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl, urlencode

import pyarrow as pa

from dataflows.loaders import loader
from dataflows.sources.errors import BadFile
from dataflows.stored import Place
from schema.timeframes import parse_timeframe

_NUMBERS: Final = ("open", "high", "low", "close", "volume")
_ROWS: Final = 16_384
_SCHEMA: Final = pa.schema(
    [("time", pa.timestamp("ns", "UTC")), ("symbol", pa.string()), *((name, pa.float64()) for name in _NUMBERS)]
)


@loader("sqlite")
@loader("questdb")
def read(url: str) -> Iterator[pa.RecordBatch]:
    """Read one timeframe of a namespace by time and symbol: `questdb://host:9000?timeframe=1m#live`."""
    address, _, namespace = url.partition("#")
    base, _, query = address.partition("?")
    options = dict(parse_qsl(query))
    name = options.pop("timeframe", "")
    try:
        timeframe = parse_timeframe(name).name
        place = Place.parse(f"{base}?{urlencode(options)}" if options else base, namespace or "live")
        place.columns("bars")
    except ValueError as error:
        raise BadFile(url, f"no stored bars ({error})", "STORE?timeframe=1m#namespace", "mend the URL") from error
    rows = place.rows("bars", list(_SCHEMA.names), ("time", "symbol"), f"timeframe = '{timeframe}'")
    while part := list(islice(rows, _ROWS)):
        yield pa.RecordBatch.from_arrays([pa.array(c, t) for c, t in zip(zip(*part), _SCHEMA.types)], schema=_SCHEMA)
