"""What a version saw and said when it was trained: `drift.json` of its directory. Read without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from models.drift.bins import EDGES
from models.labels import Float32
from schema.ticks import Float64, Int64

FILE: Final = "drift.json"
SAID: Final = ("expected_return", "log_volatility", "p_down", "p_up")  # the first two in units of sigma_t sqrt(h)


class Column(msgspec.Struct, frozen=True):
    """One column, or one number that the version says."""

    name: str
    deciles: tuple[float, ...]  # the distinct ones
    counts: tuple[int, ...]  # rows of each bin: models.drift.bins
    mean: float | None  # of defined values; None where there are none
    deviation: float | None
    undefined: float  # share of rows
    bound: float  # a window's stability index beyond it is out of the ordinary


class Part(msgspec.Struct, frozen=True):
    """Columns that are judged together, by windows of so many bar times."""

    window: int  # bar times
    least_rows: int  # a window goes on until it has as many
    every: int  # about one in so many rows is counted
    windows: int  # that the bounds were found on
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def bounds(self) -> Float64:
        """(C,)."""
        return np.array([column.bound for column in self.columns])

    @property
    def counts(self) -> Int64:
        """(C, BINS)."""
        return np.array([column.counts for column in self.columns], np.int64)

    @property
    def edges(self) -> Float32:
        """(EDGES, C), padded with infinity."""
        edges = np.full((EDGES, len(self.columns)), np.inf, np.float32)
        for k, column in enumerate(self.columns):
            edges[: len(column.deciles), k] = column.deciles
        return edges


class Reference(msgspec.Struct, frozen=True):
    """None where too little was there to know what is ordinary."""

    features: Part | None
    predictions: Part | None  # columns as SAID


def write_reference(folder: Path, reference: Reference) -> None:
    """Write it into a version's directory."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(reference), indent=1))


def read_reference(folder: Path) -> Reference | None:
    """Read it from a version's directory; None where there is none: the version is older than this.

    Raises ValueError where the file is damaged.
    """
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Reference)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{path} can't be read ({error}); train the version again") from None
