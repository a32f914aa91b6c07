"""Metrics of a running dataflow, and what lies between two looks at them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ops.latency import quantile

_LINE: Final = re.compile(r"^undertone_(\w+?)(\{[^}]*\})? ([-+.\deEInfNa]+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scrape:
    """Every metric by name and labels, at a wall-clock time."""

    at_ns: int
    values: dict[tuple[str, Labels], float]

    def of(self, name: str, **labels: str) -> float:
        """Return a metric summed over the labels that aren't given, 0 where there is none."""
        wanted = labels.items()
        return sum(
            value
            for (found, own), value in self.values.items()
            if found == name and all(pair in own for pair in wanted)
        )

    def has(self, name: str) -> bool:
        """Say whether a metric, with whatever labels, was set."""
        return any(found == name for found, _ in self.values)

    def buckets(self, name: str, **labels: str) -> dict[float, float]:
        """Return a histogram's cumulative counts by bound."""
        wanted, counts = frozenset(labels.items()), dict[float, float]()
        for (found, own), value in self.values.items():
            if found == f"{name}_bucket" and wanted <= own:
                bound = float(dict(own)["le"])
                counts[bound] = counts.get(bound, 0.0) + value
        return counts


def parse(text: str, at_ns: int) -> Scrape:
    """Read Prometheus' text format."""
    return Scrape(
        at_ns,
        {
            (name, frozenset(_LABEL.findall(labels or ""))): float(value)
            for name, labels, value in _LINE.findall(text)
        },
    )  # fmt: skip


def between(before: Scrape, after: Scrape, name: str, share: float, **labels: str) -> float | None:
    """Return a quantile of what a histogram took in between two scrapes, None where that is nothing."""
    low, high = before.buckets(name, **labels), after.buckets(name, **labels)
    bounds = sorted(high)
    return quantile(bounds, [high[bound] - low.get(bound, 0.0) for bound in bounds], share)


def each(scrapes: list[Scrape], name: str) -> list[float]:
    """Return the mean of what a histogram took in between each two scrapes, where it took in anything.

    With scrapes more often than events that is every event by itself.
    """
    found = []
    for before, after in pairwise(scrapes):
        if (events := after.of(f"{name}_count") - before.of(f"{name}_count")) > 0:
            found.append((after.of(f"{name}_sum") - before.of(f"{name}_sum")) / events)
    return found
