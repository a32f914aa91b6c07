"""`undertone data convert`: bars behind URLs as one Parquet file, of a coarser timeframe where one is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.bar_history import BarReader
from dataflows.loaders.cache import Cache
from dataflows.markets import on_market
from dataflows.resample import Resampler
from dataflows.sources.bar_file import BarFile
from ops.durable import put_in_place
from ops.errors import UsageError
from ops.settings import Settings
from ops.tables import print_json
from schema.bars import Bars
from schema.timeframes import parse_timeframe

_NUMBERS: Final = ("open", "high", "low", "close", "volume")
_SCHEMA: Final = pa.schema(
    [("time", pa.timestamp("ns", "UTC")), ("symbol", pa.string()), *((name, pa.float64()) for name in _NUMBERS)]
)


def run(settings: Settings, json: bool, files: list[str], out: Path, timeframe: str | None) -> int:
    """Write bars by time and symbol. `bars.timeframes` is the files' timeframe, `timeframe` the one to make of it."""
    settings = on_market(settings)
    if out.exists():
        raise UsageError(f"--out {out}: it is there already; name another file or remove it")
    beside, rows = out.with_name(f".{out.name}.{os.getpid()}"), 0
    try:
        with pq.ParquetWriter(beside, _SCHEMA, compression="zstd") as writer:
            for table in _tables(settings, located(settings, files), timeframe):
                writer.write_table(table)
                rows += table.num_rows
        put_in_place(beside, out)
    finally:
        beside.unlink(missing_ok=True)
    answer = {"out": str(out), "rows": rows, "timeframe": timeframe or settings.bars.timeframes[0]}
    if json:
        print_json(answer)
    else:
        print(f"{rows:,} bars of {answer['timeframe']} in {out}")
    return 0


def located(settings: Settings, urls: list[str]) -> list[Path]:
    """Return local files with what lies behind URLs: paths as they are, copies of all else."""
    data = settings.data
    cache = Cache(data.cache, data.cache_mb * 2**20, offline=data.offline)
    return [cache.local(url) for url in urls]


def _tables(settings: Settings, files: list[Path], timeframe: str | None) -> Iterator[pa.Table]:
    reader, resampler = BarReader(settings), None
    if timeframe is not None:
        resampler = Resampler(reader.timeframe, parse_timeframe(timeframe), reader.sessions)
    for bars in _bars(reader, files):
        rank = np.asarray(reader.universe.rank, np.int32)
        yield _table(resampler.step(bars, rank) if resampler else bars, reader.universe.names)


def _bars(reader: BarReader, files: list[Path]) -> Iterator[Bars]:
    for path in files:
        file = BarFile(path)
        for raw in file.batches():
            yield from reader.bars_of(file, raw)
    yield from reader.rest()


def _table(bars: Bars, names: list[str]) -> pa.Table:
    symbol = pa.array(np.array([*names, ""], object)[bars.symbol], pa.string())
    numbers = [pa.array(getattr(bars, name), pa.float64()) for name in _NUMBERS]
    return pa.Table.from_arrays([pa.array(bars.time, _SCHEMA.field("time").type), symbol, *numbers], schema=_SCHEMA)
