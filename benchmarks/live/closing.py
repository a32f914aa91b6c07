"""Latencies: which event closed a prediction's bar, when it was due, and how long after that the prediction was out.

A bar that ends at t closes when every partition has shown an event of at least t + the reorder bound. The event that
closes it is therefore the last of the partitions' first ones, and it arrives when its message was due to be sent.
Counting from there, a feed or a system that stalls is charged for all it holds up (no coordinated omission).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from schema.ticks import Float64, Int64

PERCENTILES = (50.0, 99.0, 99.9)
Arrays = Mapping[str, np.ndarray]


class Percentiles(NamedTuple):
    """Of n latencies, in ms."""

    n: int
    p50: float
    p99: float
    p999: float
    worst: float


class Latencies(NamedTuple):
    """Of the predictions of one feed, (n,) ms each; how many never reached the subscriber."""

    from_due: Float64  # from the scheduled arrival of the event that closes the bar
    from_end: Float64  # from the bar's own end
    missing: int


def closing_due(feed: Arrays, time: Int64, bound_ns: int) -> Int64:
    """Return when the events were due that close bars of `time` (m,), ns; -1 where the feed ended before.

    `feed` holds due, newest (event time) and lane of each message, in the order they were sent.
    """
    latest = np.full(len(time), -1, np.int64)
    known = np.ones(len(time), np.bool_)
    for lane in np.unique(feed["lane"]):
        own = feed["lane"] == lane
        due, newest = feed["due"][own], np.maximum.accumulate(feed["newest"][own])
        first = np.searchsorted(newest, time + bound_ns, side="left")
        known &= first < len(due)
        latest = np.maximum(latest, due[np.minimum(first, len(due) - 1)])
    return np.where(known, latest, -1)


def latencies(feed: Arrays, heard: Arrays, begin_ns: int, bound_ns: int) -> Latencies:
    """Measure the predictions of bars that ended at `begin_ns` or later and that this feed closed.

    `heard` holds time (the bar's end), sequence and stamp of each message that the subscriber got.
    """
    due = closing_due(feed, heard["time"], bound_ns)
    ours = (heard["time"] >= begin_ns) & (due >= 0)
    sequence = np.unique(heard["sequence"][ours])
    missing = int(sequence[-1] - sequence[0]) + 1 - len(sequence) if len(sequence) else 0
    stamp = heard["stamp"][ours]
    return Latencies((stamp - due[ours]) * 1e-6, (stamp - heard["time"][ours]) * 1e-6, missing)


def percentiles(took: Float64) -> Percentiles | None:
    """Return percentiles of latencies (ms), None of none."""
    if not len(took):
        return None
    p50, p99, p999 = np.percentile(took, PERCENTILES).tolist()
    return Percentiles(len(took), p50, p99, p999, float(took.max()))


def closing_together(feed: Arrays, heard: Arrays, begin_ns: int, bound_ns: int) -> Float64:
    """Return how many bars each closing event closed, sorted."""
    due = closing_due(feed, heard["time"], bound_ns)
    _, counts = np.unique(due[(heard["time"] >= begin_ns) & (due >= 0)], return_counts=True)
    return np.sort(counts).astype(np.float64)
