"""The file of a checkpoint: a JSON header, then raw arrays, each with a checksum. No pickle."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from dataflows.interfaces import Snapshot
from features.tables import Still
from ops.durable import put_in_place

MAGIC: Final = b"UNDERTONE CHECKPOINT 1\n"
_ALIGN: Final = 64


class DamagedCheckpoint(ValueError):
    """A checkpoint file that can't be read whole."""


class Arena:
    """Memory that snapshots are copied into, kept from one checkpoint to the next.

    Fresh memory costs five times as much as memory that was touched before.
    """

    def __init__(self) -> None:
        """Start empty; grows to the largest snapshot."""
        self._bytes = np.empty(0, np.uint8)

    def copy(self, snapshot: Snapshot) -> tuple[Snapshot, list[memoryview]]:
        """Copy the arrays of a snapshot, but for those that stay still.

        Return it with places instead of arrays, and the bytes they lie in, one piece behind the other. They are valid
        until the next copy, and where an array is still, until its owner's next snapshot.
        """
        arrays: list[np.ndarray] = []
        tree = _placed(snapshot, arrays)
        size = sum(_padded(array.nbytes) for array in arrays if not isinstance(array, Still))
        if size > len(self._bytes):
            self._bytes = np.zeros(size + size // 4, np.uint8)
        body, begin, end = [], 0, 0
        for array in arrays:
            raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            if isinstance(array, Still):
                body += [self._bytes[begin:end].data, raw.data, _gap_behind(len(raw))]
                begin = end
            else:
                self._bytes[end : end + len(raw)] = raw
                end += _padded(len(raw))
        return tree, [*body, self._bytes[begin:end].data]


def _gap_behind(size: int) -> memoryview:
    """Return the bytes that stand between an array of this size and the next."""
    return memoryview(bytes(_padded(size) - size))


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


_described = lru_cache(np.lib.format.dtype_to_descr)


def _placed(node: Any, arrays: list[np.ndarray]) -> Any:
    """Return the tree with each array replaced by its description; collect the arrays in order."""
    if isinstance(node, dict):
        return {key: _placed(value, arrays) for key, value in node.items()}
    if isinstance(node, np.ndarray):
        arrays.append(node)
        return {"$dtype": _described(node.dtype), "$shape": list(node.shape)}
    if isinstance(node, np.generic):
        return node.item()
    if isinstance(node, tuple | list):
        return [_placed(value, arrays) for value in node]
    return node


def _filled(node: Any, body: memoryview, at: list[int]) -> Any:
    """Undo `_placed`: read the arrays back in the same order."""
    if isinstance(node, dict) and "$dtype" in node:
        dtype = np.lib.format.descr_to_dtype(_as_descr(node["$dtype"]))
        n = int(np.prod(node["$shape"], dtype=np.int64)) * dtype.itemsize
        array = np.frombuffer(body[at[0] : at[0] + n], dtype).reshape(node["$shape"]).copy()
        at[0] += _padded(n)
        return array
    if isinstance(node, dict):
        return {key: _filled(value, body, at) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, body, at) for value in node]
    return node


def _as_descr(descr: Any) -> Any:
    """Turn JSON's lists back into the tuples that numpy wants."""
    if isinstance(descr, str):
        return descr
    return [tuple(tuple(part) if isinstance(part, list) else part for part in field) for field in descr]


def write(path: Path, tree: Snapshot, body: Sequence[memoryview]) -> int:
    """Write a checkpoint so that it is there whole or not at all, and durable on return. Returns its size."""
    crc = 0
    for piece in body:
        crc = zlib.crc32(piece, crc)
    header = json.dumps({"tree": tree, "size": sum(map(len, body)), "crc32": crc}).encode()
    beside = path.with_suffix(".part")
    try:
        with beside.open("wb") as file:
            _write_parts(file, header, body)
            size = file.tell()
        put_in_place(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)  # a full disk would stay full
        error.filename = error.filename or str(beside)
        raise
    return size


def _write_parts(file: BinaryIO, header: bytes, body: Sequence[memoryview]) -> None:
    file.write(MAGIC)
    file.write(f"{len(header)} {zlib.crc32(header)}\n".encode())
    file.write(header)
    for piece in body:
        file.write(piece)


def read(path: Path) -> Snapshot:
    """Read a checkpoint.

    Raises DamagedCheckpoint where it is cut short, altered or of another format.
    """
    raw = memoryview(path.read_bytes())
    try:
        if bytes(raw[: len(MAGIC)]) != MAGIC:
            raise ValueError("it doesn't begin as a checkpoint of this version")
        line_end = bytes(raw[:200]).index(b"\n", len(MAGIC)) + 1
        length, crc = (int(word) for word in bytes(raw[len(MAGIC) : line_end]).split())
        header = raw[line_end : line_end + length]
        if len(header) != length or zlib.crc32(header) != crc:
            raise ValueError("its header is damaged")
        meta = json.loads(bytes(header))
        body = raw[line_end + length :]
        if len(body) != meta["size"] or zlib.crc32(body) != meta["crc32"]:
            raise ValueError(f"it holds {len(body)} bytes of arrays, expected {meta['size']} with their checksum")
    except ValueError as error:
        raise DamagedCheckpoint(f"checkpoint {path.name}: {error}; remove it, and an older one is taken") from error
    tree: Snapshot = _filled(meta["tree"], body, [0])
    return tree
