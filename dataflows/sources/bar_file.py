"""Files of finished bars (Parquet or CSV): what many vendors sell where ticks are not to be had.

Columns: `symbol`, `open`, `high`, `low`, `close`, `volume`, and when: `date` (a day; the bar closes with the session
of that day) or `time` (the bar's close, UTC). A bar has no quote and no count of trades.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dataflows.sources.errors import BadFile
from schema.ticks import Float64, Int64

_PRICES: Final = ("open", "high", "low", "close")
_NUMBERS: Final = (*_PRICES, "volume")
_EXPECTED: Final = "the columns date (or time), symbol, open, high, low, close, volume"


class RawBars(NamedTuple):
    """n bars of a file as it has them, times of close unknown yet for a file of dates."""

    day: Int64  # (n,) days since 1970-01-01, or ns UTC of the close for a file of times
    symbol: NDArray[np.object_]
    prices: Float64  # (n, 4) open, high, low, close
    volume: Float64


def is_bar_file(path: Path) -> bool:
    """Return whether a file's header says bars, not ticks. Raises OSError, and BadFile for a damaged Parquet file."""
    return {"symbol", *_PRICES}.issubset(_header(path))


class BarFile:
    """One file of bars. The header is checked here; raises BadFile."""

    def __init__(self, path: Path) -> None:
        """Check that all columns are there."""
        found = _header(path)
        self.path = path
        self.daily = "date" in found
        when = "date" if self.daily else "time"
        self._columns = [when, "symbol", *_NUMBERS]
        if missing := [name for name in self._columns if name not in found]:
            raise BadFile(path, f"the columns {found}, without {missing}", _EXPECTED, "rename or add the columns")

    def batches(self) -> Iterator[RawBars]:
        """Yield the bars in the file's order. Raises BadFile for a row that is no bar."""
        row = 0
        for table in self._tables():
            yield self._checked(table, row)
            row += table.num_rows

    def _tables(self) -> Iterator[pa.RecordBatch]:
        if self.path.suffix.lower() == ".parquet":
            yield from pq.ParquetFile(self.path).iter_batches(columns=self._columns, use_threads=False)
            return
        options = arrow_csv.ConvertOptions(include_columns=self._columns)
        yield from arrow_csv.open_csv(self.path, convert_options=options)

    def _checked(self, table: pa.RecordBatch, first: int) -> RawBars:
        for name in self._columns:
            if table.column(name).null_count:
                row = first + table.column(name).is_null().to_numpy(zero_copy_only=False).argmax()
                raise BadFile(self.path, f"no {name} in row {row}", "a value in every row", "drop or fill the row")
        kind, unit = (pa.date32(), pa.int32()) if self.daily else (pa.timestamp("ns", "UTC"), pa.int64())
        try:
            when = table.column(self._columns[0]).cast(kind).cast(unit).to_numpy().astype(np.int64)
            numbers = np.stack([np.asarray(table.column(n).cast(pa.float64()).to_numpy()) for n in _NUMBERS], axis=1)
        except pa.ArrowInvalid as error:
            raise BadFile(self.path, f"a cell that can't be read ({error})", _EXPECTED, "mend the file") from error
        self._check_prices(numbers, first)
        symbol = table.column("symbol").cast(pa.string()).to_numpy(zero_copy_only=False)
        return RawBars(when, symbol, np.ascontiguousarray(numbers[:, :4]), numbers[:, 4].copy())

    def _check_prices(self, numbers: Float64, first: int) -> None:
        open_, high, low, close, volume = numbers.T
        wrong = ~((low > 0) & (np.maximum(open_, close) <= high) & (np.minimum(open_, close) >= low) & (volume >= 0))
        wrong |= ~np.isfinite(numbers).all(axis=1)
        if wrong.any():
            k = int(wrong.argmax())
            raise BadFile(
                self.path, f"open, high, low, close, volume {numbers[k].tolist()} in row {first + k}",
                "0 < low <= open, close <= high, volume of at least 0", "correct or drop the row",
            )  # fmt: skip


def _header(path: Path) -> list[str]:
    if not path.is_file():
        raise BadFile(path, "no such file", "a Parquet or CSV file", "check the path")
    try:
        if path.suffix.lower() == ".parquet":
            return list(pq.read_schema(path).names)
        with path.open(encoding="utf-8", errors="replace") as file:
            return [cell.strip().strip('"') for cell in file.readline().rstrip("\r\n").split(",")]
    except pa.ArrowInvalid as error:
        raise BadFile(path, f"data that Parquet can't read ({error})", "a complete file", "copy it again") from error
