"""`undertone data validate` for files of bars: the checks that training makes, before any feature is computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dataflows.interfaces import EndOfInput
from dataflows.sources.bar_file import BarFile
from dataflows.sources.files import FileSource
from models.config import SIGMA, TrainingConfig
from models.data.dataset import HORIZONS, Dataset, TrainingRefused
from models.data.folds import folds_of
from models.data.quality import Finding, Quality, examine
from models.labels import Labelled, label_into
from ops.settings import Settings
from ops.tables import print_json, print_table
from ops.train_settings import configuration
from schema.ticks import TRADE, Float64, Int32, Int64
from schema.timeframes import Timeframe, parse_timeframe

_DAY = 86_400 * 10**9
_WINDOW = 60  # bars of the volatility that outliers and labels are measured by
_APART = 0.02  # log ratio of a day's close and the last trade of that day from which on they are of two kinds


def validate(settings: Settings, json: bool, files: list[Path], out: Path | None, ticks: list[Path]) -> int:
    """Check bars, and how they meet raw ticks; write the report into `out`. 1 if training would refuse them."""
    (name,) = settings.bars.timeframes[:1]
    dataset, names = bars_dataset(files, parse_timeframe(name))
    config = configuration(settings)
    quality = examine(dataset, config)
    quality = Quality((*quality.findings, *_split(dataset, config), *_seam(dataset, names, ticks)))
    if out is not None:
        quality.write(out)
    if json:
        print_json({"refused": len(quality.refusals), "findings": quality.rows()})
    else:
        print_table(("check", "verdict", "found", "what to do"), [tuple(row.values()) for row in quality.rows()])
    return 1 if quality.refusals else 0


def bars_dataset(files: list[Path], timeframe: Timeframe) -> tuple[Dataset, list[str]]:
    """Return bars as a training set whose one column is their volatility, and the symbols' names. Raises BadFile."""
    times, symbols, closes = [], [], []
    names: dict[str, int] = {}
    for path in files:
        file = BarFile(path)
        for raw in file.batches():
            times.append(raw.day * _DAY if file.daily else raw.day)
            symbols.append(np.array([names.setdefault(name, len(names)) for name in raw.symbol], np.int32))
            closes.append(raw.prices[:, 3])
    time, symbol, price = np.concatenate(times), np.concatenate(symbols), np.concatenate(closes)
    n = len(time)
    never = np.zeros(n, np.bool_)
    rows = Labelled(time, symbol, price, ~never, never, never, np.zeros(n, np.int64), np.full(n, 2**62))
    labels = label_into(np.empty((n, HORIZONS), np.float32), rows, timeframe)
    sigma = _volatility(symbol, labels.past.astype(np.float64))
    eligible = np.asarray(np.isfinite(sigma), np.bool_)
    return Dataset(
        timeframe, (SIGMA,), {SIGMA: ""}, (SIGMA,), time, symbol, sigma[:, None].astype(np.float32), eligible, sigma,
        price, labels.returns, labels.end, labels.past, rows.trade_price,
    ), list(names)  # fmt: skip


def _volatility(symbol: Int32, past: Float64) -> Float64:
    """Return the root mean square of the last 60 returns before and at each bar, NaN where there are fewer."""
    out = np.full(len(past), np.nan)
    for s in np.unique(symbol):
        rows = np.flatnonzero(symbol == s)
        squares = np.cumsum(np.nan_to_num(past[rows]) ** 2)
        if len(rows) > _WINDOW:
            out[rows[_WINDOW:]] = np.sqrt(np.maximum(squares[_WINDOW:] - squares[:-_WINDOW], 0) / _WINDOW)
    return out


def _split(dataset: Dataset, config: TrainingConfig) -> Iterator[Finding]:
    """Say whether the history holds the slices that the settings ask for."""
    try:
        folds = folds_of(dataset, config)
    except TrainingRefused as error:
        yield Finding("split", "refused", str(error), "see settings train.*")
        return
    counts = ", ".join(f"{len(rows):,} {name}" for name, rows in folds[len(folds) - 1].slices().items())
    yield Finding("split", "ok", f"{len(folds)} folds, the last of {counts}")


def _seam(dataset: Dataset, names: list[str], files: list[Path]) -> Iterator[Finding]:
    """Compare a day's close with the day's last trade in raw ticks: adjusted history differs by a factor."""
    for name, (time, price) in sorted(_last_trades(files).items()):
        rows = np.flatnonzero(dataset.symbol == names.index(name)) if name in names else np.zeros(0, np.int64)
        rows = rows[dataset.time[rows] // _DAY == time // _DAY]
        check = f"seam of {name}"
        if not len(rows):
            yield Finding(check, "note", "no bar of the ticks' day", "give bars up to the day before the ticks")
            continue
        ratio = float(price / dataset.price[rows[-1]])
        found = f"last trade {price:g}, close {dataset.price[rows[-1]]:g}: ratio {ratio:.4g}"
        if abs(np.log(ratio)) > _APART:
            yield Finding(check, "note", found, "history is adjusted, ticks are raw: train on one of them alone")
        else:
            yield Finding(check, "ok", found)


def _last_trades(files: list[Path]) -> dict[str, tuple[int, float]]:
    """Return the last trade (ns UTC, price) of each symbol in files of ticks."""
    found: dict[str, tuple[int, float]] = {}
    if not files:
        return found
    source = FileSource(files)
    try:
        while True:
            arrivals = source.next_batch()
            ticks = arrivals.ticks
            rows: Int64 = np.flatnonzero((ticks.kind == TRADE) & (ticks.symbol >= 0))
            symbols, last = np.unique(ticks.symbol[rows][::-1], return_index=True)
            for s, k in zip(symbols.tolist(), (len(rows) - 1 - last).tolist()):
                found[arrivals.names[s]] = (int(ticks.ts_event[rows[k]]), float(ticks.price[rows[k]]))
    except EndOfInput:
        source.close()
    return found
