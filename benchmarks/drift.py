"""False alarms and power of the drift watch on panels without a market's surprises, and what a row costs.

    python -m benchmarks.drift

Columns are AR(1) processes of rising persistence, a third of their variance common to all symbols: rows that hang
together in time and across symbols, as feature rows do. The first part is described as a version's training rows are;
what follows is watched with the settings' defaults, unchanged or with a change planted in one column.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataflows.watch.anomalies import Rows, series, watch
from models.drift.bins import BINS, EDGES, count
from models.drift.describing import describe
from models.drift.reference import SAID, Reference
from models.drift.term import Notice, Rule, Term
from ops.settings import Settings
from ops.tables import print_table

Values = NDArray[np.float32]
_BAR: Final = 60 * 10**9  # ns
_SEEDS: Final = 6


class Panel(NamedTuple):
    """What is watched."""

    symbols: int
    columns: int
    persistence: float  # of the most persistent column, a bar
    trained: int  # bar times
    live: int


PANELS: Final = (Panel(20, 40, 0.98, 2000, 2000), Panel(5, 100, 0.95, 1200, 2000), Panel(1, 40, 0.9, 1000, 2000))
PLANTED: Final[dict[str, Callable[[Values], Values]]] = {
    "nothing": lambda x: x,
    "mean + 0.5 sd": lambda x: x + np.float32(0.5),
    "mean + 1 sd": lambda x: x + np.float32(1),
    "twice the scale": lambda x: 2 * x,
    "undefined": lambda x: x * np.float32(np.nan),
}


def values_of(panel: Panel, seed: int) -> Values:
    """Return the columns (bar times, symbols, columns)."""
    random, rho = np.random.default_rng(seed), np.linspace(0.0, panel.persistence, panel.columns)
    own, common = random.standard_normal((panel.symbols, panel.columns)), random.standard_normal(panel.columns)
    out = np.empty((panel.trained + panel.live, panel.symbols, panel.columns), np.float32)
    scale = np.sqrt(1 - rho**2)
    for t in range(len(out)):
        own = rho * own + scale * random.standard_normal(own.shape)
        common = rho * common + scale * random.standard_normal(common.shape)
        out[t] = np.sqrt(2 / 3) * own + np.sqrt(1 / 3) * common
    return out


def watched(panel: Panel, seed: int, plant: Callable[[Values], Values]) -> list[Notice]:
    """Return what the watch says of the live part, with a change in the first column."""
    values = values_of(panel, seed)
    values[panel.trained :, :, 0] = plant(values[panel.trained :, :, 0])
    flat, names = values.reshape(-1, panel.columns), [f"c{k}" for k in range(panel.columns)]
    at = _BAR * np.repeat(np.arange(1, len(values) + 1), panel.symbols)
    m, alerts = panel.trained * panel.symbols, Settings().alerts
    part = describe(names, flat, np.arange(m), range(panel.columns), at[:m])
    rule = Rule(alerts.drift_margin, alerts.drift_windows, alerts.persists_after)
    rows = np.arange(m, len(flat))
    return list(Term("v", Reference(part, None), names, rule).add(flat, rows, np.zeros((len(rows), len(SAID))), at[m:]))


def alarms() -> None:
    """Print false alarms and power."""
    table = []
    for panel in PANELS:
        for name, plant in PLANTED.items():
            found = [watched(panel, seed, plant) for seed in range(_SEEDS)]
            first = [next((k + 1 for k, n in enumerate(run) if n.change == "raised"), None) for run in found]
            told = [k for k in first if k is not None]
            raised = sum(n.change == "raised" for run in found for n in run)
            table.append((
                f"{panel.symbols} symbols, {panel.columns} columns, persistence up to {panel.persistence}", name,
                sum(map(len, found)), raised, f"{len(told)} of {_SEEDS}", f"{np.median(told):g}" if told else "",
            ))  # fmt: skip
    print_table(("panel", "planted in one column", "windows", "raised", "runs with an alert", "window of it"), table)


def costs(symbols: int = 1000, repeats: int = 50) -> None:
    """Print CPU time a row."""
    random = np.random.default_rng(1)
    values, rows = random.standard_normal((symbols, 507)), np.arange(symbols)
    table = []
    for columns in (48, 128, 500):
        edges = np.quantile(values, np.linspace(0.1, 0.9, EDGES)).astype(np.float32)[:, None].repeat(columns, 1).copy()
        counts, take = np.zeros((columns, BINS), np.int64), np.sort(random.choice(507, columns, replace=False))
        count(values, rows, take, edges, counts)
        least = min(_seconds(lambda: count(values, rows, take, edges, counts)) for _ in range(repeats))  # noqa: B023
        table.append((f"drift, {columns} columns, a row that is counted", f"{1e6 * least / symbols:.2f}"))
    state, volume = series(symbols), random.lognormal(size=symbols)
    given = Rows(
        np.zeros(symbols, np.int64), rows.astype(np.int32), 1 + 1e-4 * volume, rows < 0, rows < 0, volume, 1e-4 * volume
    )
    least = min(_seconds(lambda: watch(state, given, 8.0)) for _ in range(10 * repeats))
    table.append(("anomalies, a bar", f"{1e6 * least / symbols:.2f}"))
    print_table(("what", "CPU us"), table)


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    alarms()
    costs()
