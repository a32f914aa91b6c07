"""Messages of feature rows, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta, Struct

VERSION: Final = 1
_MOST_BYTES: Final = 800_000  # of one message: Kafka takes a megabyte by default


class FeaturesMessage(Struct, array_like=True, gc=False):
    """n feature rows of one batch, as a msgpack array. Fields are only appended, with a default."""

    version: Annotated[int, Meta(description=f"{VERSION}")]
    fingerprint: Annotated[str, Meta(description="of the columns")]
    columns: Annotated[list[str], Meta(description="names of the F columns")]
    symbol: Annotated[list[str], Meta(description="of each row")]
    timeframe: Annotated[list[str], Meta(description="of each row")]
    time: Annotated[bytes, Meta(description="n x <i8, close of the bar, ns UTC")]
    bar_sequence: Annotated[bytes, Meta(description="n x <i8")]
    values: Annotated[bytes, Meta(description="n x F x <f8, row by row; NaN where undefined")]
    validity: Annotated[bytes, Meta(description="n x F x u1, schema.reasons.Why: why a value is undefined")]


def encode_features(rows: Mapping[str, Any], names: Sequence[str]) -> Iterator[bytes]:
    """Yield messages of the rows of the table `features`: `values` and `validity` are (n, F), F names."""
    n, most = len(rows["time"]), max(1, _MOST_BYTES // (9 * max(1, len(names))))
    for low in range(0, n, most):
        part = slice(low, min(low + most, n))
        yield msgspec.msgpack.encode(
            FeaturesMessage(
                VERSION, str(rows["fingerprint"][low]), list(names), [str(s) for s in rows["symbol"][part]],
                [str(t) for t in rows["timeframe"][part]], _bytes(rows["time"][part], "<i8"),
                _bytes(rows["bar_sequence"][part], "<i8"), _bytes(rows["values"][part], "<f8"),
                _bytes(rows["validity"][part], "u1"),
            )
        )  # fmt: skip


def decode_features(message: bytes) -> dict[str, Any]:
    """Return the rows of a message, as `encode_features` took them. Raises ValueError for what is none."""
    wire = msgspec.msgpack.decode(message, type=FeaturesMessage)
    if wire.version != VERSION:
        raise ValueError(f"feature rows of version {wire.version}, this reader knows version {VERSION}")
    shape = len(wire.symbol), len(wire.columns)
    return {
        "time": np.frombuffer(wire.time, "<i8"),
        "symbol": wire.symbol,
        "timeframe": wire.timeframe,
        "bar_sequence": np.frombuffer(wire.bar_sequence, "<i8"),
        "fingerprint": [wire.fingerprint] * shape[0],
        "columns": wire.columns,
        "values": np.frombuffer(wire.values, "<f8").reshape(shape),
        "validity": np.frombuffer(wire.validity, np.uint8).reshape(shape),
    }


def _bytes(column: Any, dtype: str) -> bytes:
    return np.ascontiguousarray(column, dtype).tobytes()
