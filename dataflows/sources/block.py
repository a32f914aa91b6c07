"""A run of rows of one file, decoded: what the file logs hand to the file source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schema.ticks import Bool, Ticks, take


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block begins in its file: enough to decode it again."""

    row: int = 0
    byte: int = 0  # 0 where the format finds rows by number


@dataclass(slots=True)
class Block:
    """Rows `begin.row` to `end_row` of a file; `ticks.offset` is the row in the file.

    Rows may be missing (filtered out). `malformed` and `unknown_kinds` are keyed by the place in `ticks`.
    """

    begin: Place
    end_row: int
    ticks: Ticks
    names: tuple[str, ...]
    malformed: dict[int, str] = field(default_factory=dict)
    unknown_kinds: dict[int, str] = field(default_factory=dict)

    def keep(self, mask: Bool) -> None:
        """Drop the rows outside the mask."""
        if mask.all():
            return
        rows = np.flatnonzero(mask)
        self.ticks = take(self.ticks, mask)
        self.malformed = _rekey(self.malformed, rows)
        self.unknown_kinds = _rekey(self.unknown_kinds, rows)


def cut(texts: dict[int, str], low: int, high: int) -> dict[int, str]:
    """Return the texts of the rows low..high, keyed from low on."""
    if high - low < len(texts):
        return {row - low: texts[row] for row in range(low, high) if row in texts}
    return {row - low: text for row, text in texts.items() if low <= row < high}


def _rekey(texts: dict[int, str], rows: NDArray[np.intp]) -> dict[int, str]:
    return {k: texts[row] for k, row in enumerate(rows.tolist()) if row in texts} if texts else {}


class FileLog(Protocol):
    """One file of ticks, checked when it was opened."""

    path: Path
    columns: dict[str, str]  # field of a tick -> the file's column
    fingerprint: str  # changes with the file's content
    rows: int  # of the whole file; a CSV knows it only behind its last block

    def blocks(self, begin: Place, between: tuple[int | None, int | None]) -> Iterator[Block]:
        """Decode from the block that holds `begin` on; what lies wholly outside the times may be left out."""
        ...

    def close(self) -> None:
        """Release the file. Never raises."""
        ...
