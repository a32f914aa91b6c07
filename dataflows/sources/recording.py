"""Write what a source gives into a Parquet file that `FileSource` reads back."""

from __future__ import annotations

from os import PathLike

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Source
from dataflows.sources.columns import FLOATS
from schema.ticks import KINDS, UNKNOWN_KIND, count

_KIND_TEXTS = {code: text for text, code in KINDS.items()}


def write_parquet(source: Source, path: str | PathLike[str]) -> int:
    """Write all ticks of a finite source, one row group a batch, and return how many there were.

    Heartbeats are kept, and unknown kinds with the text found. Raises ValueError for a malformed tick: a typed file
    can't hold it.
    """
    rows, writer = 0, None
    try:
        while (arrivals := _next(source)) is not None:
            table = _table(arrivals)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            rows += count(arrivals.ticks)
    finally:
        if writer is not None:
            writer.close()
    return rows


def _next(source: Source) -> Arrivals | None:
    try:
        return source.next_batch()
    except EndOfInput:
        return None


def _table(arrivals: Arrivals) -> pa.Table:
    if arrivals.malformed:
        raise ValueError(f"recording: a Parquet file can't hold malformed ticks, found {arrivals.malformed}")
    ticks = arrivals.ticks
    utc = pa.timestamp("ns", "UTC")
    return pa.table(
        {
            "ts": pa.array(ticks.ts_event, utc),
            "ts_recv": pa.array(ticks.ts_recv, utc),
            "symbol": _texts(ticks.symbol, list(arrivals.names)),
            "kind": _kinds(arrivals),
            **{field: pa.array(getattr(ticks, field), mask=np.isnan(getattr(ticks, field))) for field in FLOATS},
            "side": pa.array(ticks.side),
            "conditions": pa.array(ticks.conditions),
            "sequence": pa.array(ticks.sequence),
            "lane": pa.array(ticks.lane),
        }
    )


def _kinds(arrivals: Arrivals) -> pa.Array:
    """Kinds as text; an unknown one as it was found, without its quotation marks."""
    odd = arrivals.unknown_kinds
    texts = [*_KIND_TEXTS.values(), *sorted({text.strip("'") for text in odd.values()})]
    codes = arrivals.ticks.kind.astype(np.int32)
    codes[codes == UNKNOWN_KIND] = [texts.index(odd[row].strip("'")) for row in sorted(odd)]
    return _texts(codes, texts)


def _texts(codes: np.ndarray, texts: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), pa.array(texts, pa.string()))
