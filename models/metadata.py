"""What `metadata.json` of a version says. Read without torch or LightGBM."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

FORMAT: Final = 1


class ColumnUse(msgspec.Struct, frozen=True):
    """One feature column the model reads: `(x - center) / scale`, clipped; an undefined x counts as `center`."""

    name: str
    fingerprint: str  # of the column's definition; the model runs only on the same one
    required: bool  # an undefined value of it means no prediction
    center: float  # median over the fit slice
    scale: float
    masked: bool  # whether a bit "this value is undefined" is an input of its own


class Member(msgspec.Struct, frozen=True):
    """One member of the ensemble. Arrays of H numbers belong to the horizons 1 .. H."""

    kind: str  # "net" or "trees"
    weight: float  # its share of the vote; absent members renormalise
    files: tuple[str, ...]
    options: dict[str, Any]  # what builds a net: the architecture's keyword arguments
    variance_scale: float  # calibrated: predicted variances are multiplied by it
    class_map: tuple[float, float, float]  # calibrated: see models.classes
    mean_map: tuple[float, ...] = ()  # trees: the other horizons derived from the primary one's mean
    variance_map: tuple[float, ...] = ()  # trees: and from its variance


class GraphFile(msgspec.Struct, frozen=True):
    """A net's graph for ONNX Runtime, and how near PyTorch it was when it was written."""

    file: str
    written_by: str  # torch and onnxscript, with their versions
    rows: int  # that were compared
    largest_difference: dict[str, float]  # by output, in its units


class DataRange(msgspec.Struct, frozen=True):
    """What the version was trained on."""

    first: int  # ns UTC of the first and last bar
    last: int
    rows: int
    symbols: int
    slices: dict[str, tuple[int, int, int]]  # fit, stop, calibrate, test -> first and last bar (ns UTC), rows
    trade_price_share: float  # share of labels on trade closes instead of mids


class Metadata(msgspec.Struct, frozen=True):
    """One version of a model for one timeframe."""

    format: int
    version: str
    created: str  # ISO-8601 UTC
    timeframe: str
    horizons: int  # H: the heads speak of 1 .. H bars
    primary: int  # the horizon that is served, in bars
    volatility: str  # the column of sigma_t, log return per bar
    volatility_floor: float  # sigma_t is at least this
    columns: tuple[ColumnUse, ...]
    members: dict[str, Member]
    data: DataRange
    config: dict[str, Any]
    metrics: dict[str, Any]
    commit: str
    checksums: dict[str, str]  # file -> sha256
    graphs: dict[str, GraphFile] = {}  # by net; none in versions from before, or made without the exporter

    @property
    def width(self) -> int:
        """How many inputs a net has: columns, and the mask bits of some."""
        return len(self.columns) + sum(column.masked for column in self.columns)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the columns the model uses."""
        words = "\n".join(f"{column.name}={column.fingerprint}" for column in self.columns)
        return hashlib.sha256(words.encode()).hexdigest()[:16]


def file_checksum(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
