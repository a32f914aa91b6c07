"""What the tests of the sources share: read a source to its end, write small files, compare ticks bit for bit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Source
from schema.ticks import Ticks, concat, count

HEADER = "ts,symbol,kind,price,size,bid,bid_size,ask,ask_size,ts_recv,side,sequence"
MIDNIGHT = 1_381_104_000_000_000_000  # 2013-10-07T00:00:00Z


def read(source: Source) -> list[Arrivals]:
    """Read to the end; live sources that have nothing yet are asked again."""
    parts = []
    try:
        while True:
            arrivals = source.next_batch()
            if arrivals is not None:
                parts.append(arrivals)
    except EndOfInput:
        return parts


def joined(parts: Iterable[Arrivals]) -> tuple[Ticks, list[str], dict[int, str], dict[int, str]]:
    """Join batches: ticks without their name codes, the names row by row, malformed rows, unknown kinds."""
    parts = list(parts)
    names, malformed, unknown, done = [], {}, {}, 0
    for part in parts:
        names += [part.names[code] if code >= 0 else "" for code in part.ticks.symbol]
        malformed |= {done + row: text for row, text in part.malformed.items()}
        unknown |= {done + row: text for row, text in part.unknown_kinds.items()}
        done += count(part.ticks)
    ticks = concat([part.ticks for part in parts])
    return ticks._replace(symbol=np.zeros(done, np.int32)), names, malformed, unknown


def assert_same(ours: Iterable[Arrivals], theirs: Iterable[Arrivals]) -> None:
    """Hold two streams equal to the last bit, however they are cut."""
    (a, *rest), (b, *expected) = joined(ours), joined(theirs)
    for field, left, right in zip(Ticks._fields, a, b):
        assert left.tobytes() == right.tobytes(), field
    assert rest == expected


def table(n: int = 10, **columns: Any) -> pa.Table:
    """Make a table of n ticks, quotes and trades in turn, two symbols; columns given replace, None drops."""
    trade = np.arange(n) % 2 == 0
    prices = 100.0 + np.arange(n) / 100.0
    made = {
        "ts": pa.array(MIDNIGHT + np.arange(n) * 1_000_000, pa.timestamp("ns", "UTC")),
        "symbol": pa.array(["AAA" if k % 3 else "BB" for k in range(n)]),
        "kind": pa.array(["trade" if is_trade else "quote" for is_trade in trade]),
        "price": pa.array(prices, mask=~trade),
        "size": pa.array(np.full(n, 100.0), mask=~trade),
        "bid": pa.array(prices - 0.01, mask=trade),
        "bid_size": pa.array(np.full(n, 200.0), mask=trade),
        "ask": pa.array(prices + 0.01, mask=trade),
        "ask_size": pa.array(np.full(n, 300.0), mask=trade),
        **columns,
    }
    return pa.table({name: column for name, column in made.items() if column is not None})


def parquet(path: Path, n: int = 10, rows: int = 1_000_000, **columns: Any) -> Path:
    """Write `table` as Parquet, `rows` a row group."""
    pq.write_table(table(n, **columns), path, row_group_size=rows)
    return path


def csv(path: Path, *lines: str, header: str = HEADER, end: str = "\n") -> Path:
    """Write a CSV with the header of all columns."""
    path.write_bytes(end.join([header, *lines, ""]).encode())
    return path
