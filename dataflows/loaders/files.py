"""Files of bars or ticks: Parquet, CSV, and TXT as Stooq writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from dataflows.loaders import loader
from dataflows.loaders.stooq import from_stooq, is_stooq
from dataflows.sources.errors import BadFile


@loader("")
@loader("file")
def read(url: str) -> Iterator[pa.RecordBatch]:
    """Read one file from a path or `file:///path`."""
    path = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else Path(url)
    if not path.is_file():
        raise BadFile(path, "no such file", "a Parquet, CSV or TXT file", "check the path")
    with path.open("rb") as file:
        yield from batches(file, str(path))


def batches(file: Any, name: str) -> Iterator[pa.RecordBatch]:
    """Yield the batches of an open binary file, by the end of its name. Raises BadFile."""
    try:
        if name.lower().endswith(".parquet"):
            yield from pq.ParquetFile(file).iter_batches(use_threads=False)
            return
        rows = 0
        for batch in arrow_csv.open_csv(file):
            yield from_stooq(batch, name, rows) if is_stooq(batch.schema.names) else batch
            rows += batch.num_rows
    except pa.ArrowInvalid as error:
        raise BadFile(
            name, f"data that can't be read ({error})", "whole Parquet, CSV or TXT", "copy it again"
        ) from error
