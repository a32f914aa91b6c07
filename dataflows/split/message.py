"""What a feature process says: rows of single-symbol columns, and up to which bar time it has closed everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec
import numpy as np

from schema.bars import Bars, empty_bars, zero_bars
from schema.ticks import Float64, UInt8

VERSION: Final = 2
_BYTES: Final = 700_000  # of one message, about: Kafka takes a megabyte by default
EVERYTHING: Final = 1 << 62  # the mark of a shard whose input has ended

BAR: Final = np.dtype(
    [(name, column.dtype.newbyteorder("<")) for name, column in empty_bars(0)._asdict().items()]
)  # fmt: skip
_BAR_OF: Final = {1: np.dtype([(name, BAR[name]) for name in BAR.names or () if name != "basis"]), VERSION: BAR}


class Unreadable(ValueError):
    """A message of another version or of other columns."""


class ShardRows(NamedTuple):
    """One message: n rows in the order of their bar times, and a mark."""

    shard: str
    lanes: int  # how many lanes the shard reads
    names: tuple[str, ...]  # `bars.symbol` indexes it
    origins: tuple[tuple[str, int], ...]  # source and partition; `bars.lane` indexes it
    bars: Bars
    values: Float64  # (n, F) single-symbol columns in the catalogue's order
    why: UInt8  # (n, F)
    closed_through: int  # ns UTC: every bar up to it is in this message or was in one before
    received: int = 0  # wall-clock ns, as `Stamps` has them
    closed: int = 0


class _Wire(msgspec.Struct, array_like=True, gc=False):
    """Fields are only appended, with a default."""

    version: int
    fingerprint: str  # of the columns
    shard: str
    lanes: int
    names: tuple[str, ...]
    origins: tuple[tuple[str, int], ...]
    bars: bytes
    values: bytes
    why: bytes
    closed_through: int
    received: int
    closed: int


_DECODER: Final = msgspec.msgpack.Decoder(_Wire)


def encode(rows: ShardRows, fingerprint: str) -> Iterator[bytes]:
    """Yield messages of a bearable size; only the last carries the mark, so that no mark overtakes its rows."""
    n = len(rows.bars.time)
    together = max(_BYTES // (BAR.itemsize + 9 * rows.values.shape[1]), 1)
    for first in range(0, max(n, 1), together):
        last = min(first + together, n)
        records = np.empty(last - first, BAR)
        for name, column in rows.bars._asdict().items():
            records[name] = column[first:last]
        yield msgspec.msgpack.encode(
            _Wire(
                VERSION, fingerprint, rows.shard, rows.lanes, rows.names, rows.origins, records.tobytes(),
                rows.values[first:last].astype("<f8", copy=False).tobytes(), rows.why[first:last].tobytes(),
                rows.closed_through if last == n else -EVERYTHING, rows.received, rows.closed,
            )
        )  # fmt: skip


def decode(message: bytes, fingerprint: str, width: int) -> ShardRows:
    """Read a message of `width` columns. Raises Unreadable where it isn't one of these columns."""
    try:
        wire = _DECODER.decode(message)
    except msgspec.DecodeError as error:
        raise Unreadable(f"a feature message can't be read: {error}; is the topic written by this program?") from None
    if wire.version not in _BAR_OF or wire.fingerprint != fingerprint:
        raise Unreadable(
            f"shard {wire.shard!r} sends version {wire.version} of columns {wire.fingerprint}, expected version "
            f"{VERSION} of {fingerprint}; run all processes with the same version and features.* settings, "
            "and a topic of their own"
        )
    records = np.frombuffer(wire.bars, _BAR_OF[wire.version])
    n = len(records)
    bars = zero_bars(n)
    for name in records.dtype.names or ():
        getattr(bars, name)[:] = records[name]
    return ShardRows(
        wire.shard, wire.lanes, wire.names, wire.origins, bars,
        np.frombuffer(wire.values, "<f8").reshape(n, width), np.frombuffer(wire.why, np.uint8).reshape(n, width),
        wire.closed_through, wire.received, wire.closed,
    )  # fmt: skip
