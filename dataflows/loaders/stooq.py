"""Stooq's TXT: `<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>`, dates as 20131007.

Daily bars only. What clock its minutes are in, and whether they name a bar's begin or its end, the file doesn't say;
a guess would leak up to a bar, so they are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from dataflows.sources.errors import BadFile

_COLUMNS: Final = {
    "<TICKER>": "symbol", "<DATE>": "date", "<OPEN>": "open", "<HIGH>": "high", "<LOW>": "low", "<CLOSE>": "close",
    "<VOL>": "volume",
}  # fmt: skip


def is_stooq(names: Sequence[str]) -> bool:
    """Return whether a header is Stooq's."""
    return {"<PER>", *_COLUMNS}.issubset(names)


def from_stooq(batch: pa.RecordBatch, name: str, first: int) -> pa.RecordBatch:
    """Return the bars with our columns; `first` is the number of the batch's first row. Raises BadFile."""
    other = pc.not_equal(batch.column("<PER>").cast(pa.string()), "D")
    if (k := pc.index(other, True).as_py()) >= 0:
        raise BadFile(
            name, f"{batch.column('<PER>')[k]} in column <PER>, row {first + k}", "D: bars a day",
            "make a CSV with the bars' closes in UTC, in a column `time`",
        )  # fmt: skip
    days = batch.column("<DATE>").cast(pa.string())
    parsed = pc.strptime(days, "%Y%m%d", "s", error_is_null=True)
    if (k := pc.index(pc.is_null(parsed), True).as_py()) >= 0:
        raise BadFile(name, f"{days[k]} in column <DATE>, row {first + k}", "a day like 20131007", "mend the row")
    made = {ours: batch.column(theirs) for theirs, ours in _COLUMNS.items() if ours != "date"}
    return pa.RecordBatch.from_pydict({"date": parsed.cast(pa.date32()), **made})
