"""1,000 synthetic symbols: ns a tick update, ns a feature row, bytes of state a symbol and timeframe.

Rows are measured once the windows are full. The columns that are not spectral are measured in a flow of their own.
"""

from __future__ import annotations

import json

import numpy as np

from benchmarks.setting import settings
from dataflows.assembly.assemble import assemble
from dataflows.assembly.feature_groups import groups_of
from dataflows.assembly.flow import Flow
from dataflows.sources.synthetic import SyntheticMarket
from features.catalogue import Family, Stage
from ops.settings import Settings
from schema.ticks import count

SYMBOLS = 1_000
WARM_UP, MEASURED = 75, 24  # batches of 5 s
SEASON = "season"  # the group whose tables of the week aren't counted with the other state


def main() -> None:
    """Print one JSON object."""
    everything = settings("1s")
    plain = [str(family) for family in Family if family is not Family.SPECTRAL]
    features = everything.features.model_copy(update={"families": tuple(plain)})
    without = _measured(everything.model_copy(update={"features": features}))
    print(json.dumps({**_measured(everything), "row_ns_without_spectral": without["row_ns"]}))


def _measured(chosen: Settings) -> dict[str, float]:
    """Measure the stations that compute features over batches in the middle of a stream, null sinks behind them."""
    market = SyntheticMarket(SYMBOLS, rate=10.0, duration_s=5 * (WARM_UP + MEASURED + 10), faults=0.0)
    flow = assemble(chosen, market)
    _advance(flow, WARM_UP)
    before = dict(flow.pipeline.seconds)
    ticks, rows = _advance(flow, MEASURED)
    spent = {name: flow.pipeline.seconds[name] - before[name] for name in before}
    columns = {stage: sum(len(g.columns) for g in groups_of(chosen) if g.stage is stage) for stage in Stage}
    season, state = _state_bytes(flow)
    return {
        "tick_ns": spent["tick_features"] / ticks * 1e9,
        "bar_ns": spent["bars"] / ticks * 1e9,
        "row_ns": (spent["bar_features"] + spent["item_features"] + spent["cross_section"]) / rows * 1e9,
        "columns": sum(columns.values()),
        "tick_columns": columns[Stage.TICKS],
        "state_bytes": state / SYMBOLS,
        "season_bytes": season / SYMBOLS,
    }


def _advance(flow: Flow, batches: int) -> tuple[int, int]:
    ticks = rows = 0
    for _ in range(batches):
        batch = flow.pipeline.advance()
        assert batch is not None
        ticks, rows = ticks + count(batch.ticks), rows + len(batch.bars.time)
    return ticks, rows


def _state_bytes(flow: Flow) -> tuple[int, int]:
    """Bytes of the arrays of all stations that grow with the symbols: those of the season, and all others."""
    stations = {station.name: station for station in flow.pipeline.stations}
    engine = stations["tick_features"].snapshot()["state"]
    season = sum(array.nbytes for array in _arrays(engine[SEASON]))
    total = sum(array.nbytes for part in (stations["bars"].snapshot(), engine) for array in _arrays(part))
    return season, total - season


def _arrays(node: object) -> list[np.ndarray]:
    if isinstance(node, np.ndarray):
        return [node]
    if isinstance(node, dict):
        return [array for value in node.values() for array in _arrays(value)]
    return []


if __name__ == "__main__":
    main()
