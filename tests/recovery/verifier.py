"""The separate verifier: what a killed run stored, against an undisturbed run and against the input itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from schema.tables import TABLES
from tests.recovery.rigs import Rig, dicts

SAME = ("ticks_read", "ticks_used", "ticks_late", "ticks_dead", "bars", "feature_rows", "predictions", "certificate")
COMPARED = ("bars", "features", "predictions", "ticks", "late_ticks", "dead_letters", "decisions")
SECOND = 1_000_000_000


def faults(rig: Rig, folder: Path, totals: dict[str, Any], whole: Path, expected: dict[str, Any]) -> list[str]:
    """Return everything that is wrong with what a killed run left in `folder`; `whole` is the undisturbed one's."""
    found = [f"{key}: {totals[key]}, expected {expected[key]}" for key in SAME if totals[key] != expected[key]]
    for table in COMPARED:
        found += _compared(table, rig, folder, whole)
    return [*found, *sequences(rig, folder), *against_input(rig, folder)]


def _compared(table: str, rig: Rig, folder: Path, whole: Path) -> list[str]:
    columns = rig.columns(folder, table)
    key = [columns.index(name) for name in TABLES[table].key]
    rows, expected = rig.rows(folder, table), rig.rows(whole, table)
    seen = Counter(tuple(row[k] for k in key) for row in rows)
    wanted = {tuple(row[k] for k in key) for row in expected}
    twice, lost, surplus = sum(n > 1 for n in seen.values()), len(wanted - seen.keys()), len(seen.keys() - wanted)
    counts = {"lost": lost, "twice": twice, "too many": surplus}
    found = [f"{table}: {n} rows {what}" for what, n in counts.items() if n]
    if not found and rows != expected:
        other = sum(a != b for a, b in zip(rows, expected))
        found = [f"{table}: {other} rows with other bits"]
    return found if expected or table in ("late_ticks", "dead_letters") else [*found, f"{table}: nothing to compare"]


def sequences(rig: Rig, folder: Path) -> list[str]:
    """Output sequences run from 1 on, each once."""
    numbers = sorted(int(row["sequence"]) for row in dicts(rig, folder, "predictions"))
    return (
        [] if numbers == list(range(1, len(numbers) + 1)) else ["predictions: the output sequence has gaps or repeats"]
    )


def against_input(rig: Rig, folder: Path) -> list[str]:
    """Every tick of the input is stored once with a verdict, and a plain loop over the used trades gives the bars."""
    table = pq.read_table(rig.ticks, columns=["ts", "symbol", "kind", "price", "size"])
    kind = np.array(table["kind"].to_pylist())
    offsets = np.flatnonzero(kind != "heartbeat")
    stored = Counter(int(row["offset"]) for row in dicts(rig, folder, "ticks"))
    found = []
    if stored != Counter(offsets.tolist()):
        missing, twice = len(set(offsets.tolist()) - stored.keys()), sum(n > 1 for n in stored.values())
        found.append(f"ticks: {missing} ticks of the input have no verdict, {twice} have several")
    used = {int(row["offset"]) for row in dicts(rig, folder, "ticks") if row["verdict"] == 0}
    wanted = _trade_bars(table, kind, used)
    bars = [row for row in dicts(rig, folder, "bars") if row["timeframe"] == "1s" and row["trades"]]
    have = {(row["symbol"], row["time"]): (row["trades"], row["high"], row["low"], row["volume"]) for row in bars}
    last = max((time for _, time in have), default=0)
    wanted = {key: bar for key, bar in wanted.items() if key[1] <= last}
    if have.keys() != wanted.keys():
        found.append(f"bars: {len(wanted.keys() ^ have.keys())} seconds with trades have no bar, or bars no trades")
    other = sum(have[k][:3] != bar[:3] or abs(have[k][3] - bar[3]) > 1e-6 for k, bar in wanted.items() if k in have)
    return [*found, f"bars: {other} differ from a plain loop over the input"] if other else found


def _trade_bars(table: Any, kind: np.ndarray, used: set[int]) -> dict[tuple[str, int], tuple[int, float, float, float]]:
    """Return trades, high, low and volume by (symbol, close of the second), of the used trades."""
    bars: dict[tuple[str, int], tuple[int, float, float, float]] = {}
    time, symbol = table["ts"].cast("int64").to_pylist(), table["symbol"].to_pylist()
    price, size = table["price"].to_pylist(), table["size"].to_pylist()
    for row in np.flatnonzero(kind == "trade").tolist():
        if row in used:
            key = symbol[row], (time[row] // SECOND + 1) * SECOND
            n, high, low, volume = bars.get(key, (0, -np.inf, np.inf, 0.0))
            bars[key] = n + 1, max(high, price[row]), min(low, price[row]), volume + size[row]
    return bars
