"""1,000 synthetic symbols: ns a tick update, ns a feature row, bytes of state a symbol and timeframe."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.setting import settings
from dataflows.assembly import Flow, assemble
from dataflows.sources.synthetic import SyntheticMarket
from features.catalogue import Stage
from schema.ticks import count

SYMBOLS = 1_000
WARM_UP, MEASURED = 8, 24  # batches


def main() -> None:
    """Measure the stations that compute features over batches in the middle of a stream, null sinks behind them."""
    market = SyntheticMarket(SYMBOLS, rate=10.0, duration_s=600, faults=0.0)
    flow = assemble(settings("1s"), market)
    ticks, rows = _advance(flow, WARM_UP)
    before = dict(flow.pipeline.seconds)
    ticks, rows = _advance(flow, MEASURED)
    spent = {name: flow.pipeline.seconds[name] - before[name] for name in before}
    columns = {stage: sum(len(g.columns) for g in flow.features.groups if g.stage is stage) for stage in Stage}
    print(
        json.dumps(
            {
                "tick_ns": spent["tick_features"] / ticks * 1e9,
                "bar_ns": spent["bars"] / ticks * 1e9,
                "row_ns": (spent["bar_features"] + spent["cross_section"]) / rows * 1e9,
                "columns": sum(columns.values()),
                "tick_columns": columns[Stage.TICKS],
                "state_bytes": _state_bytes(flow) / SYMBOLS,
            }
        )
    )


def _advance(flow: Flow, batches: int) -> tuple[int, int]:
    ticks = rows = 0
    for _ in range(batches):
        batch = flow.pipeline.advance()
        assert batch is not None
        ticks, rows = ticks + count(batch.ticks), rows + len(batch.bars.time)
    return ticks, rows


def _state_bytes(flow: Flow) -> int:
    """Bytes of the arrays of all stations that grow with the symbols."""
    stations = {station.name: station for station in flow.pipeline.stations}
    parts = [stations[name].snapshot() for name in ("bars", "tick_features")]
    return sum(array.nbytes for part in parts for array in _arrays(part))


def _arrays(node: object) -> list[np.ndarray]:
    if isinstance(node, np.ndarray):
        return [node]
    if isinstance(node, dict):
        return [array for value in node.values() for array in _arrays(value)]
    return []


if __name__ == "__main__":
    main()
