"""Rows between the two passes: parts of raw arrays that are there whole or not at all, mapped when they are read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.bars import Bars, empty_bars
from schema.features import FeatureRows
from schema.ticks import Float64, Int64, UInt8

_EMPTY: Final[tuple[NDArray[Any], ...]] = empty_bars(0)
BAR: Final = np.dtype([(field, column.dtype) for field, column in zip(Bars._fields, _EMPTY)])


class Part(NamedTuple):
    """Consecutive rows of a shard, in stream order; arrays are mapped from files."""

    bars: NDArray[np.void]  # (n,) of dtype BAR
    values: Float64  # (n, F)
    why: UInt8  # (n, F)


def write_part(folder: Path, bars: list[Bars], rows: list[FeatureRows]) -> None:
    """Write rows as the part `folder`; it appears when it is complete."""
    records = np.empty(sum(len(part.time) for part in bars), BAR)
    for field in Bars._fields:
        np.concatenate([getattr(part, field) for part in bars], out=records[field])
    write_arrays(
        folder,
        bars=records,
        values=np.concatenate([part.values for part in rows]),
        why=np.concatenate([part.why for part in rows]),
    )


def write_arrays(folder: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays as files of one folder that appears when it is complete; one that is there is replaced."""
    beside = folder.with_name(f".{folder.name}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(beside / f"{name}.npy", array)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)


def read_arrays(folder: Path, *names: str) -> list[NDArray[Any]]:
    """Map arrays that `write_arrays` wrote."""
    return [np.load(folder / f"{name}.npy", mmap_mode="r") for name in names]


def part_folders(shard: Path) -> list[Path]:
    """Return a shard's parts in order; the name of each is the number of the last batch in it."""
    return sorted(path for path in shard.glob("[0-9]*") if path.is_dir())


class Staged:
    """All rows of a finished shard, by position."""

    def __init__(self, shard: Path) -> None:
        """Map the parts of a shard's folder."""
        self._parts = [Part(*read_arrays(folder, *Part._fields)) for folder in part_folders(shard)]
        self._ends: Int64 = np.cumsum([len(part.bars) for part in self._parts], dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def bars(self, first: int, last: int) -> NDArray[np.void]:
        """Return the bars of rows first .. last - 1."""
        pieces = [self._parts[k].bars[a:b] for k, a, b in self._pieces(first, last)]
        return np.concatenate(pieces) if pieces else np.empty(0, BAR)

    def copy(self, first: int, last: int, to: NDArray[np.intp], values: Float64, why: UInt8) -> None:
        """Copy the features of rows first .. last - 1 to the rows `to` of wider matrices."""
        done, width = 0, 0
        for k, a, b in self._pieces(first, last):
            place, part = to[done : done + b - a], self._parts[k]
            width = part.values.shape[1]
            values[place, :width] = part.values[a:b]
            why[place, :width] = part.why[a:b]
            done += b - a

    def time(self, row: int) -> int:
        """Return the close time of a row."""
        k = int(np.searchsorted(self._ends, row, side="right"))
        start = int(self._ends[k - 1]) if k else 0
        return int(self._parts[k].bars["time"][row - start])

    def through(self, first: int, time: int) -> int:
        """Return the position behind the last row, from `first` on, that closed at or before `time`."""
        for k, a, b in self._pieces(first, len(self)):
            inside = int(np.searchsorted(self._parts[k].bars["time"][a:b], time, side="right"))
            first += inside
            if inside < b - a:
                break
        return first

    def _pieces(self, first: int, last: int) -> list[tuple[int, int, int]]:
        """Return (part, first, last) of the parts that hold rows first .. last - 1."""
        found = []
        k = int(np.searchsorted(self._ends, first, side="right"))
        while first < last and k < len(self._parts):
            start = int(self._ends[k - 1]) if k else 0
            end = min(last, int(self._ends[k]))
            found.append((k, first - start, end - start))
            first, k = end, k + 1
        return found
