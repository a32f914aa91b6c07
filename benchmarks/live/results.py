"""What was measured, in the form that the card, the figure and the JSON are made from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.live.closing import Percentiles


@dataclass(frozen=True)
class Line:
    """One line of the card. `values` are its numbers with their units in the names, for programs."""

    what: str
    tables: str  # what is stored meanwhile
    measured: str
    target: str = ""
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """A load, and the latencies under it: from the due arrival of the closing event, and from the bar's end."""

    rate: float
    from_due: Percentiles
    from_end: Percentiles | None
    overtaken: int  # predictions that a newer one replaced before they were published
    cores: float  # that the dataflow used


@dataclass
class Results:
    """All of it."""

    lines: list[Line] = field(default_factory=list)
    curves: dict[str, list[Point]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what failed, and why

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        points = {name: [_plain(point) for point in curve] for name, curve in self.curves.items()}
        return {"lines": [asdict(line) for line in self.lines], "curves": points, "notes": self.notes}


def _plain(point: Point) -> dict[str, Any]:
    values = {"from_due": point.from_due, "from_end": point.from_end}
    percentiles = {name: None if value is None else value._asdict() for name, value in values.items()}
    return {"rate": point.rate, **percentiles, "overtaken": point.overtaken, "cores": point.cores}
