"""Bring a feature process to a watermark and not beyond, so that several stand at the same one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from dataflows.assembly.flow import Flow
from dataflows.interfaces import Snapshot
from dataflows.stations.order import Order
from dataflows.stations.pressure import Pressure
from features.ordering import ReorderBuffer
from ops.errors import DependencyAway
from schema.ticks import Ticks


class Bounded(ReorderBuffer):
    """A reorder buffer whose watermark stops at a time: what comes behind it waits."""

    def __init__(self, buffer: ReorderBuffer, until: int) -> None:
        """Take over what `buffer` holds, and stop at `until` (ns)."""
        super().__init__(buffer.bound_ns, len(buffer.newest), buffer.capacity)
        self.restore(buffer.snapshot())
        self.until = until

    def _release(self, arrived: Ticks) -> Ticks:
        self.watermark = min(self.watermark, self.until)
        return super()._release(arrived)


def watermark_of(snapshot: Snapshot) -> int:
    """Return the watermark (ns) of a feature process's state."""
    return int(snapshot["stations"]["order"]["buffer"]["watermark"])


def bring_all_to(flows: Sequence[Flow], until: int, patience_s: float) -> None:
    """Step the flows until all stand at `until` (ns), or just behind it where the barrier of one holds rows there."""
    for flow in flows:
        bring_to(flow, until, patience_s)
    if any(flow.barrier.barrier.waiting for flow in flows):
        bring_all_to(flows, until + 1, patience_s)


def bring_to(flow: Flow, until: int, patience_s: float) -> None:
    """Step the flow until its watermark is `until` (ns). Raises DependencyAway where nothing comes for so long."""
    order: Any = next(station for station in flow.pipeline.stations if isinstance(station, Order))
    order.buffer = Bounded(order.buffer, until)
    flow.pipeline.held = Pressure(order.buffer).held
    heard = time.monotonic()
    while order.buffer.watermark < until:
        if flow.pipeline.advance() is not None:
            heard = time.monotonic()
        elif time.monotonic() - heard > patience_s:
            lane = flow.pipeline.source.lanes[int(order.buffer.newest.argmin())]
            raise DependencyAway(
                f"rescale: partition {lane} shows nothing beyond {int(order.buffer.newest.min())} ns for "
                f"{patience_s:g} s, and all are to reach {until} ns; publish heartbeats to it (`undertone publish` "
                "does), then try again"
            )
        else:
            time.sleep(0.001)
