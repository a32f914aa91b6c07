"""Feature history of many symbols from 1-minute bars: rows a second into Parquet on one core.

Bars are fed straight into the engine: there are no ticks, so tick columns say NO_TRADES or NO_QUOTES (their kernels
still run at every close). 1 % of a year of 1,000 symbols, by default: 3.65 days around the clock, extrapolated.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from dataflows.batch import NO_TICKS
from dataflows.feature_history.files import HistoryFile, schema_of
from dataflows.kernel_cache import forget_stale
from features import families
from features.catalogue import registered
from features.engine import FeatureEngine
from features.tick_inputs import TickPreparer
from schema.bars import BarFlag, Bars, zero_bars
from schema.timeframes import SECOND

MINUTE, DAY = 60 * SECOND, 86_400 * SECOND
START = 1_704_067_200 * SECOND  # 2024-01-01T00:00:00Z
YEAR_MINUTES, SHARE = 365 * 1440, 0.01


def main() -> None:
    """Print one JSON object."""
    options = argparse.ArgumentParser()
    options.add_argument("--symbols", type=int, default=1_000)
    options.add_argument("--minutes", type=int, default=round(YEAR_MINUTES * SHARE))
    options.add_argument("--warm-up", type=int, default=512, help="minutes that aren't measured; a multiple of --batch")
    options.add_argument("--batch", type=int, default=2, help="minutes in one call of the engine")
    given = options.parse_args()
    if given.warm_up % given.batch:
        options.error(f"--warm-up {given.warm_up} is not a multiple of --batch {given.batch}")
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    forget_stale()
    families.load()
    folder = Path(tempfile.mkdtemp(prefix="undertone-build-"))
    try:
        print(json.dumps(_measure(given.symbols, given.minutes, given.warm_up, given.batch, folder)))
    finally:
        shutil.rmtree(folder)


def _measure(symbols: int, minutes: int, warm_up: int, batch: int, folder: Path) -> dict[str, object]:
    groups = registered()
    engine = FeatureEngine(groups, 1, (True,))
    engine.grow(symbols)
    names = [f"SYN{k:04d}" for k in range(symbols)]
    schema = schema_of(engine.names, {"fingerprint": engine.fingerprint, "timeframe": "1m", "symbols": names})
    market, none, file = _Market(symbols), TickPreparer().prepare(NO_TICKS), None
    seconds, cpu = {"kernels": 0.0, "parquet": 0.0}, {"kernels": 0.0, "parquet": 0.0}
    written = rows_done = 0

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        began, began_cpu = time.perf_counter(), time.process_time()
        yield
        seconds[part] += time.perf_counter() - began
        cpu[part] += time.process_time() - began_cpu

    for minute in range(0, warm_up + minutes, batch):
        bars = market.bars(batch)
        if minute == warm_up:
            seconds["kernels"] = cpu["kernels"] = 0.0  # warm
        with timed("kernels"):
            rows = engine.tick_features(none, bars)
            inputs = engine.bar_features(bars, rows)
            engine.cross_section(inputs, bars, rows)
            engine.finish(bars, inputs, rows)
        if minute >= warm_up:
            with timed("parquet"):
                day = folder / f"{bars.time[0] // DAY}.parquet"
                if file is None or file.path != day:
                    written += _closed(file)
                    file = HistoryFile(day, schema, names)
                file.write(bars, rows.values, rows.why)
            rows_done += len(bars.time)
    with timed("parquet"):
        written += _closed(file)
    rate = rows_done / sum(seconds.values())
    return {
        "rows": rows_done,
        "symbols": symbols,
        "columns": len(engine.names),
        "rows_per_second": round(rate),
        "rows_per_cpu_second": round(rows_done / sum(cpu.values())),  # where others take the core away
        "kernels_cpu_us": round(cpu["kernels"] / rows_done * 1e6, 2),  # a row
        "parquet_cpu_us": round(cpu["parquet"] / rows_done * 1e6, 2),
        "bytes_a_row": round(written / rows_done),
        "year_of_1000_symbols_hours": round(YEAR_MINUTES * 1000 / rate / 3600, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "load": os.getloadavg()[0],
    }


def _closed(file: HistoryFile | None) -> int:
    if file is None:
        return 0
    file.close()
    size = file.path.stat().st_size
    file.path.unlink()
    return size


class _Market:
    """Random walks on a grid of cents with a market factor; every minute has trades and a quote."""

    def __init__(self, symbols: int) -> None:
        self.symbols, self.minute = symbols, 0
        self._random = np.random.default_rng(7)
        self._level = self._random.uniform(20, 400, symbols)

    def bars(self, minutes: int) -> Bars:
        """Return the next minutes' bars, in stream order."""
        S, random = self.symbols, self._random
        noise = random.normal(0, 4e-4, (minutes, S)) + random.normal(0, 3e-4, (minutes, 1))
        path = np.vstack([self._level, self._level * np.exp(np.cumsum(noise, axis=0))])
        self._level = path[-1]
        opening, close = np.round(path[:-1], 2).ravel(), np.round(path[1:], 2).ravel()
        n = minutes * S
        reach = np.round(random.exponential(3e-4, (2, n)) * close, 2)
        bars = zero_bars(n)
        bars.time[:] = np.repeat(START + (self.minute + np.arange(minutes) + 1) * MINUTE, S)
        bars.start[:] = bars.time - MINUTE
        bars.symbol[:] = np.tile(np.arange(S), minutes)
        bars.sequence[:] = np.repeat(self.minute + np.arange(minutes), S)
        bars.open[:], bars.close[:] = opening, close
        bars.high[:], bars.low[:] = np.maximum(opening, close) + reach[0], np.minimum(opening, close) - reach[1]
        bars.volume[:] = random.integers(1, 5_000, n) * 10.0
        bars.notional[:] = bars.volume * (opening + close) / 2
        bars.trades[:], bars.quotes[:] = random.integers(1, 60, n), random.integers(1, 90, n)
        bars.bid[:], bars.ask[:] = close - 0.01, close + 0.01
        bars.bid_size[:], bars.ask_size[:] = random.integers(1, 50, (2, n)) * 100.0
        bars.mid[:] = 0.5 * (bars.bid + bars.ask)
        opened = (bars.start // DAY) * DAY
        bars.flags[:] = np.where(bars.start == opened, int(BarFlag.SESSION_FIRST), 0)
        bars.session_open[:], bars.session_close[:] = opened, opened + DAY
        self.minute += minutes
        return bars


if __name__ == "__main__":
    main()
