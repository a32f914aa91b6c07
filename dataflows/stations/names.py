"""Names: behind all that computes, rows get the name that their symbol had at their time.

Stations before this one know series (`dataflows.renames`); certificate, sinks and whoever follows know names.
"""

from __future__ import annotations

from dataclasses import replace

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.renames import Renames
from dataflows.universe import Universe
from schema.bars import Bars
from schema.outcomes import Outcomes
from schema.predictions import Predictions
from schema.ticks import NO_SYMBOL, Ticks


class Names:
    """A tick has the name of its time; a row of a bar that closed at a rename's time still has the old one."""

    name = "names"

    def __init__(self, universe: Universe) -> None:
        """Name rows by the universe's renames."""
        self.universe = universe

    def step(self, batch: Batch) -> Batch:
        """Name ticks, bars, predictions, outcomes and alerts; nothing is done before the first rename."""
        renames = self.universe.renames
        if not renames:
            return batch
        batch.ticks = ticks_named(batch.ticks, renames)
        batch.bars = batch.bars._replace(symbol=renames.as_names(batch.bars.symbol, batch.bars.time - 1))
        batch.predictions = [predictions_named(rows, renames) for rows in batch.predictions]
        batch.shadows = [predictions_named(rows, renames) for rows in batch.shadows]
        batch.outcomes = [_outcomes(outcomes, renames) for outcomes in batch.outcomes]
        batch.alerts = [
            replace(alert, symbol=renames.name(alert.symbol, alert.time - 1)) if alert.symbol != NO_SYMBOL else alert
            for alert in batch.alerts
        ]
        return batch

    def snapshot(self) -> Snapshot:
        """Return nothing: the universe is in the gate's."""
        return {}

    def restore(self, snapshot: Snapshot) -> None:
        """Take nothing over."""


def ticks_named(ticks: Ticks, renames: Renames) -> Ticks:
    """Return ticks under what their series were called at their times."""
    return ticks._replace(symbol=renames.as_names(ticks.symbol, ticks.ts_event)) if renames else ticks


def predictions_named(rows: Predictions, renames: Renames) -> Predictions:
    """Return predictions under what their series were called when their bars closed."""
    return replace(rows, symbol=renames.as_names(rows.symbol, rows.time - 1)) if renames else rows


def series_of_bars(bars: Bars, renames: Renames) -> Bars:
    """Return named bars under the ids of their series again, by which they are one history."""
    return bars._replace(symbol=renames.as_series(bars.symbol, bars.time - 1)) if renames else bars


def series_of_ticks(ticks: Ticks, renames: Renames) -> Ticks:
    """Return named ticks under the ids of their series again."""
    return ticks._replace(symbol=renames.as_series(ticks.symbol, ticks.ts_event)) if renames else ticks


def _outcomes(outcomes: Outcomes, renames: Renames) -> Outcomes:
    rows = outcomes.rows.copy()
    rows["symbol"] = renames.as_names(rows["symbol"], rows["time"] - 1)
    return replace(outcomes, rows=rows)
