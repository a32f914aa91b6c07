"""Adopted columns as bytes and back: numbers as they lie in memory, texts and bytes in msgpack."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Columns = dict[str, Any]
WORD: Final = 8  # bytes; every part of a record is padded to whole words
_LARGE: Final = 1 << 16  # bytes of a column that isn't copied; below, forty arrays cost more than one copy


def _plain(cell: Any) -> Any:
    """Return a numpy scalar in a list as what msgpack knows."""
    if isinstance(cell, np.generic):
        return cell.item()
    raise TypeError(f"a cell is a {type(cell).__name__}: {cell!r}; expected a number, text or bytes")


_encoder, _decoder = msgspec.msgpack.Encoder(enc_hook=_plain), msgspec.msgpack.Decoder()


def encode(table: str, own: Columns, n: int) -> list[NDArray[np.uint64]]:
    """Return n adopted rows of a table as arrays of words; those of large columns share their memory."""
    arrays: list[np.ndarray] = []
    columns: dict[str, Any] = {}
    for name, column in own.items():
        if isinstance(column, np.ndarray) and column.dtype != object:
            columns[name] = {"kind": column.dtype.str, "shape": column.shape}
            arrays.append(column)
        else:
            columns[name] = column.tolist() if isinstance(column, np.ndarray) else column
    try:
        described = _encoder.encode([table, n, columns])
    except UnicodeEncodeError:
        described = _encoder.encode([table, n, {name: _without_surrogates(cells) for name, cells in columns.items()}])
    return _gathered([len(described).to_bytes(WORD, sys.byteorder), described, *arrays])


def decode(payload: bytes) -> tuple[str, Columns, int]:
    """Return what `encode` was given; arrays lie in the payload and can't be written to."""
    size = int(np.frombuffer(payload, np.uint64, 1)[0])
    table, n, columns = _decoder.decode(payload[WORD : WORD + size])
    at, own = WORD + _padded(size), Columns()
    for name, column in columns.items():
        if isinstance(column, dict):
            kind, shape = np.dtype(column["kind"]), tuple(column["shape"])
            count = int(np.prod(shape))
            own[name] = np.frombuffer(payload, kind, count, at).reshape(shape)
            at += _padded(count * kind.itemsize)
        else:
            own[name] = column
    return table, own, n


def _without_surrogates(cells: Any) -> Any:
    """Return texts as UTF-8 can write them: half a character becomes a question mark."""
    if not isinstance(cells, list):
        return cells
    return [cell.encode(errors="replace").decode() if isinstance(cell, str) else cell for cell in cells]


def checksum(words: Sequence[NDArray[np.uint64]]) -> int:
    """Return the sum of all words modulo 2^64.

    It has to tell a record that a power cut left half written (zeros, or nothing) and costs the tick path 0.1 ms a
    megabyte or less; a CRC costs ten times that.
    """
    total = 0
    for part in words:
        total += int(np.add.reduce(part, dtype=np.uint64)) if len(part) else 0
    return total % (1 << 64)


def _gathered(pieces: Sequence[bytes | np.ndarray]) -> list[NDArray[np.uint64]]:
    """Return pieces as words: what lies between large ones in one array."""
    words: list[NDArray[np.uint64]] = []
    small: list[Any] = []  # bytes and arrays
    for piece in pieces:
        size = len(piece) if isinstance(piece, bytes) else piece.nbytes
        if isinstance(piece, np.ndarray) and size >= _LARGE:
            words += [np.frombuffer(b"".join(small), np.uint64), _words(piece)]
            small = []
            continue
        small.append(piece if isinstance(piece, bytes) else np.ascontiguousarray(piece))
        if size % WORD:
            small.append(bytes(WORD - size % WORD))
    return [*words, np.frombuffer(b"".join(small), np.uint64)] if small else words


def _padded(size: int) -> int:
    return -(-size // WORD) * WORD


def _words(array: np.ndarray) -> NDArray[np.uint64]:
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if len(flat) % WORD:
        flat = np.concatenate((flat, np.zeros(_padded(len(flat)) - len(flat), np.uint8)))
    return flat.view(np.uint64)
