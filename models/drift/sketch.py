"""A window of rows by the reference's bins, judged when it is full. A function of the rows in order, not of batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.drift.bins import BINS, EDGES, count, distance, drawn, stability
from models.drift.reference import Part
from schema.ticks import Float64, Int64

_WORST: Final = 5  # columns that a finding names


class Finding(NamedTuple):
    """What a full window showed."""

    time: int  # ns UTC of its last bar time
    rows: int
    psi: Float64  # (C,) population stability index
    ks: Float64  # (C,) distance of Kolmogorov and Smirnov
    above: Float64  # (C,) share of defined values above the reference's median
    undefined: Float64  # (C,) share of rows
    ratio: Float64  # (C,) index in units of its bound

    @property
    def worst(self) -> float:
        """The greatest ratio: beyond 1 the window is out of the ordinary."""
        return float(self.ratio.max())


class Sketch:
    """Counts of the rows since the last full window: O(columns) a row, 88 bytes a column."""

    def __init__(self, part: Part, take: Int64) -> None:
        """Judge by `part`, whose columns lie at the places `take` (C,) of the rows."""
        self._part, self._take = part, take
        self._edges, self._known, self._bounds = part.edges, part.counts, part.bounds
        self._counts = np.zeros((len(part.columns), BINS), np.int64)
        self._rows = self._bar_times = self._newest = 0

    def add(self, values: NDArray[np.floating[Any]], rows: Int64, time: Int64) -> Iterator[Finding]:
        """Add rows of `values` (n, F) in stream order, of bar times `time` (len(rows),); yield each full window."""
        fresh = np.diff(time, prepend=self._newest) != 0  # here a bar time begins
        begin = 0
        while begin < len(rows):
            end, full = self._end(fresh, begin)
            counted = drawn(rows[begin:end], self._rows, self._part.every)
            count(values, counted, self._take, self._edges, self._counts)
            self._rows += end - begin
            self._bar_times += int(fresh[begin:end].sum())
            self._newest = int(time[end - 1]) if end else self._newest
            if full:
                yield self._judge()
            begin = end

    def _end(self, fresh: NDArray[np.bool_], begin: int) -> tuple[int, bool]:
        """Return where the window that holds row `begin` ends, and whether it is full there."""
        starts = np.flatnonzero(fresh[begin:])
        times, rows = self._bar_times + np.arange(len(starts)), self._rows + starts
        full = np.flatnonzero((times >= self._part.window) & (rows >= self._part.least_rows))
        return (begin + int(starts[full[0]]), True) if len(full) else (len(fresh), False)

    def _judge(self) -> Finding:
        found, defined = self._counts, np.maximum(self._counts[:, : EDGES + 1].sum(axis=1), 1)
        index = stability(found, self._known)
        finding = Finding(
            self._newest, self._rows, index, distance(found, self._known),
            found[:, (EDGES + 1) // 2 : EDGES + 1].sum(axis=1) / defined, found[:, EDGES + 1] / found.sum(axis=1),
            index / self._bounds,
        )  # fmt: skip
        self._counts = np.zeros_like(self._counts)
        self._rows = self._bar_times = 0
        return finding

    def words(self, finding: Finding) -> dict[str, Any]:
        """Return what a person wants to know of a finding: how many columns are beyond their bound, and the worst."""
        worst = np.argsort(-finding.ratio, kind="stable")[:_WORST].tolist()
        columns = self._part.columns
        return {
            "rows": finding.rows, "beyond": int((finding.ratio > 1).sum()), "columns": [
                {
                    "name": columns[k].name, "psi": round(float(finding.psi[k]), 4),
                    "bound": round(columns[k].bound, 4), "ks": round(float(finding.ks[k]), 4),
                    "above_median": round(float(finding.above[k]), 4),
                    "undefined": round(float(finding.undefined[k]), 4),
                    "undefined_before": round(columns[k].undefined, 4),
                }
                for k in worst
            ],
        }  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """Return what is counted (live: copy at once)."""
        return {
            "counts": self._counts, "rows": self._rows, "bar_times": self._bar_times, "newest": self._newest,
        }  # fmt: skip

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over. Raises ValueError where the reference has other columns."""
        counts = np.array(snapshot["counts"], np.int64)
        if counts.shape != self._counts.shape:
            raise ValueError(f"drift: counts of shape {counts.shape} for a reference of shape {self._counts.shape}")
        self._counts, self._rows = counts, int(snapshot["rows"])
        self._bar_times, self._newest = int(snapshot["bar_times"]), int(snapshot["newest"])
