"""One champion's term: what it sees and says, window by window, against its reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.drift.reference import SAID, Reference
from models.drift.sketch import Sketch
from models.drift.verdict import Verdict
from schema.predictions import Predictions
from schema.ticks import Float64, Int64


class Rule(NamedTuple):
    """When an alert is raised."""

    margin: float  # times the bound
    confirm: int  # windows in a row
    persists: int  # windows that it is up before it persists


class Notice(NamedTuple):
    """A window was judged: how far it is from its bound, and what changed, if anything did."""

    time: int  # ns UTC of the window's last bar time
    part: str  # "features" or "predictions"
    ratio: float
    change: str  # as Verdict.look
    details: dict[str, Any]


class Term:
    """A version's windows. A version without a reference gives no notice."""

    def __init__(self, version: str, reference: Reference | None, names: Sequence[str], rule: Rule) -> None:
        """Rows have the columns `names`. Raises ValueError where one of the reference is not among them."""
        self.version = version
        self._sketches: dict[str, Sketch] = {}
        place = {name: k for k, name in enumerate(names)}
        if reference is not None and reference.features is not None:
            if missing := [name for name in reference.features.names if name not in place]:
                raise ValueError(f"drift of {version}: its reference has columns {missing}, which the rows don't have")
            take = np.array([place[name] for name in reference.features.names])
            self._sketches["features"] = Sketch(reference.features, take)
        if reference is not None and reference.predictions is not None:
            self._sketches["predictions"] = Sketch(reference.predictions, np.arange(len(SAID)))
        self._verdicts = {part: Verdict(*rule) for part in self._sketches}

    def add(self, values: NDArray[np.floating[Any]], rows: Int64, predicted: Float64, time: Int64) -> Iterator[Notice]:
        """Add rows of `values` (n, F) that it spoke of, and what it said of them (len(rows), len(SAID)), in order."""
        for part, sketch in self._sketches.items():
            cells, which = (values, rows) if part == "features" else (predicted, np.arange(len(rows)))
            for finding in sketch.add(cells, which, time):
                verdict, ratio = self._verdicts[part], finding.worst
                before, change = verdict.since, verdict.look(finding.time, ratio)
                details = sketch.words(finding) if change else {}
                if change in ("cleared", "persists"):
                    details["since"] = before
                yield Notice(finding.time, part, ratio, change, details)

    def end(self, time: int) -> Iterator[Notice]:
        """Clear what is up, as another version took over at bar time `time`."""
        for part, verdict in self._verdicts.items():
            if verdict.up:
                yield Notice(time, part, 0.0, "cleared", {"since": verdict.since, "why": "another version speaks"})

    def snapshot(self) -> dict[str, Any]:
        """Return the windows and verdicts (live: copy at once)."""
        parts = {
            part: {"sketch": sketch.snapshot(), "verdict": self._verdicts[part].snapshot()}
            for part, sketch in self._sketches.items()
        }
        return {"version": self.version, "parts": parts}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over the parts that the reference has. Raises ValueError where it has other columns."""
        for part, saved in snapshot["parts"].items():
            if part in self._sketches:
                self._sketches[part].restore(saved["sketch"])
                self._verdicts[part].restore(saved["verdict"])


def said(predictions: Predictions) -> Float64:
    """Return what was said (n, len(SAID))."""
    p = predictions
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack([p.expected_return / p.unit, np.log(p.volatility / p.unit), p.p_down, p.p_up], axis=1)
