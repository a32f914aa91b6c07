"""Arrays in files, mapped into memory, of which no more stays resident than a budget allows.

A page that was read through a mapping counts as resident until the system wants it back, so a pass over a history
would need as much memory as the history has. `settle`, called between two chunks of work, gives the pages back where
they have become more than the budget. They stay in the system's page cache: what is read again costs a fault, no disk.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_Kind = TypeVar("_Kind", bound=np.generic)
CHUNK: Final = 16 * 2**20  # bytes that are worked on between two calls of `settle`
PAGE: Final = mmap.PAGESIZE


class _Resident:
    """The mappings of this process and how many bytes of files it may hold resident."""

    def __init__(self) -> None:
        self.budget = 2**30
        self._maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._rest = 0  # bytes of files that were resident behind the last release: code, mostly
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if os.path.exists("/proc/self/statm") else -1

    def add(self, mapping: mmap.mmap) -> None:
        if not self._maps:
            self._rest = self._bytes()
        self._maps.add(mapping)

    def settle(self) -> None:
        """Release all pages where they are more than the budget, or where the system doesn't say how many they are."""
        if self._statm < 0 or self._bytes() - self._rest > self.budget:
            for mapping in list(self._maps):
                mapping.madvise(mmap.MADV_DONTNEED)
            self._rest = self._bytes()

    def _bytes(self) -> int:
        """Return how many bytes of files are resident (proc(5): statm, third field)."""
        return int(os.pread(self._statm, 128, 0).split()[2]) * PAGE if self._statm >= 0 else 0


_RESIDENT = _Resident()


def settle() -> None:
    """Keep what is resident of mapped arrays within the budget: 3 µs, called between two chunks of work."""
    _RESIDENT.settle()


@contextmanager
def resident(megabytes: int) -> Iterator[None]:
    """Hold at most so much of mapped arrays resident, beside the chunk that is worked on."""
    before, _RESIDENT.budget = _RESIDENT.budget, megabytes * 2**20
    try:
        yield
    finally:
        _RESIDENT.budget = before


class Spool(Generic[_Kind]):
    """Rows of one shape, appended to a file and then read as one array.

    With neither `path` nor `folder` the file lies where the system keeps temporary ones; without `path` it has no
    name and goes with the last array that shows it, however the process ends.
    """

    def __init__(
        self, kind: type[_Kind], row: tuple[int, ...] = (), *, path: Path | None = None, folder: Path | None = None
    ) -> None:
        self._kind, self._row, self._rows = np.dtype(kind), row, 0
        self._file = _opened(path, folder)
        weakref.finalize(self, self._file.close)

    def append(self, rows: NDArray[_Kind]) -> None:
        """Write rows (n, *row)."""
        block: Any = np.ascontiguousarray(rows, self._kind).reshape(-1).view(np.uint8).data
        while block:
            block = block[self._file.write(block) :]
        self._rows += len(rows)

    def reserve(self, rows: int) -> NDArray[_Kind]:
        """Return an array of n rows of the file to be filled in place, whose bytes are 0."""
        self._file.truncate(rows * self._kind.itemsize * int(np.prod(self._row, dtype=np.int64)))
        self._rows = rows
        return self._mapped(mmap.ACCESS_WRITE)

    def array(self) -> NDArray[_Kind]:
        """Return all rows. Nothing can be appended any more, and what is written to the array stays out of the file."""
        return self._mapped(mmap.ACCESS_COPY)

    def _mapped(self, access: int) -> NDArray[_Kind]:
        with self._file as file:
            return _map(file.fileno(), self._kind, (self._rows, *self._row), access)


def load(path: Path, kind: type[_Kind], shape: tuple[int, ...]) -> NDArray[_Kind]:
    """Return the array in a file that a Spool wrote. Raises ValueError where the file has another size."""
    dtype = np.dtype(kind)
    wanted, found = dtype.itemsize * int(np.prod(shape, dtype=np.int64)), path.stat().st_size
    if found != wanted:
        raise ValueError(f"{path} has {found:,} bytes, expected {wanted:,} of {shape} {dtype}")
    with path.open("rb") as file:
        return _map(file.fileno(), dtype, shape, mmap.ACCESS_COPY)


def _opened(path: Path | None, folder: Path | None) -> Any:
    """Open a file without buffers of Python's: each append is one write."""
    if path is None:
        return tempfile.TemporaryFile(dir=folder, buffering=0)
    return path.open("w+b", buffering=0)


def _map(file: int, kind: np.dtype[Any], shape: tuple[int, ...], access: int) -> NDArray[Any]:
    size = kind.itemsize * int(np.prod(shape, dtype=np.int64))
    if not size:
        return np.empty(shape, kind)
    mapping = mmap.mmap(file, size, access=access)
    _RESIDENT.add(mapping)
    return np.frombuffer(mapping, kind).reshape(shape)


def chunks(n: int, row_bytes: int) -> Iterator[slice]:
    """Yield slices that cover n rows, each of about CHUNK bytes; settle behind each."""
    step = max(CHUNK // max(row_bytes, 1), 1)
    for first in range(0, n, step):
        yield slice(first, min(first + step, n))
        settle()


def column(array: NDArray[_Kind], k: int) -> NDArray[_Kind]:
    """Return a copy of one column of an array (n, F)."""
    out = np.empty(len(array), array.dtype)
    for part in chunks(len(array), array.strides[0]):
        out[part] = array[part, k]
    return out


def picked(array: NDArray[_Kind], rows: NDArray[np.intp]) -> NDArray[_Kind]:
    """Return a copy of some rows of an array, in their order."""
    out = np.empty((len(rows), *array.shape[1:]), array.dtype)
    for part in chunks(len(rows), max(array.strides[0], PAGE)):
        out[part] = array[rows[part]]
    return out
