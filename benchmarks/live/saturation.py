"""Saturation: rates are tried until one isn't sustained."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.live.plan import Plan
from benchmarks.live.results import Line
from benchmarks.live.search import saturation, sustained
from benchmarks.live.session import Session, Window
from dataflows.messages.formats import Format

FACTOR = 1.5
SETTLED_S = 2.0  # that storing and publishing may need behind the last tick of a rate that held


@dataclass(frozen=True)
class Found:
    """The highest rate that held and the lowest that didn't (ticks/s), and every window that was tried."""

    good: float
    bad: float
    windows: list[Window]


def holds(window: Window) -> bool:
    """Say whether a rate was sustained: nothing fell behind, neither the flow nor what stores and publishes."""
    return sustained(window.lag_s) and window.settled_s <= SETTLED_S


def find(session: Session, plan: Plan, first: float, form: Format = Format.COLUMNS) -> Found:
    """Search from `first` ticks/s on."""
    windows: list[Window] = []

    def tried(rate: float) -> bool:
        window = session.play(rate, plan.probe_s, form)
        windows.append(window)
        _say(window)
        return holds(window)

    good, bad = saturation(tried, first, FACTOR, plan.halvings)
    return Found(good, bad, windows)


def _say(window: Window) -> None:
    held = "held" if holds(window) else "not sustained"
    print(
        f"  {window.rate:>9,.0f} ticks/s: {held}, at the end {window.lag_s[-1]:.2f} s behind, settled after "
        f"{window.settled_s:.1f} s, {window.cores:.2f} cores, feed's p99 {window.sent.late_p99:.1f} ms late",
        flush=True,
    )


def line(what: str, tables: str, found: Found, target: str = "") -> Line:
    """Return a line of the card."""
    cores = max((window.cores for window in found.windows if window.rate == found.good), default=0.0)
    measured = f"{found.good:,.0f} ticks/s (at {found.bad:,.0f} it falls behind; the dataflow used {cores:.2f} cores)"
    if not found.good:
        measured = f"none: not even {found.bad:,.0f} ticks/s held"
    values = {"sustained_ticks_per_second": found.good, "failed_ticks_per_second": found.bad, "cores": cores}
    return Line(what, tables, measured, target, values)
