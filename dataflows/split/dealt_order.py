"""The reorder buffer of a new feature process."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.split.rows_of_symbols import dealt, dealt_like
from dataflows.split.share import Share
from features import verdicts
from schema.ticks import Ticks, concat, take


def dealt_order(share: Share) -> Snapshot:
    """Return what the reorder buffer holds: lanes, ticks that wait, what was seen of each symbol."""
    states = share.of("order")
    buffers = [state["buffer"] for state in states]
    by_lane = {
        name: np.array([buffers[k][name][lane] for k, lane in share.lanes])
        for name in ("newest", "last_offset", "last_index")
    }
    return {
        "buffer": {**by_lane, "waiting": _waiting(share, buffers)._asdict(), "watermark": buffers[0]["watermark"]},
        "state": dealt_like(verdicts.init(1)._asdict(), [state["state"] for state in states], share.deal),
        "shown": dealt([state["shown"] for state in states], np.zeros(1, np.bool_), share.deal),
        "events": _events(share, states),
    }


def _waiting(share: Share, buffers: list[Snapshot]) -> Ticks:
    """Return the ticks that wait, in order of time and lane."""
    chosen = []
    for new, (k, lane) in enumerate(share.lanes):
        ticks = Ticks(**buffers[k]["waiting"])
        ticks = take(ticks, ticks.lane == lane)
        ids = share.deal.ids_of(k, len(share.parts[k].names))
        chosen.append(ticks._replace(lane=np.full_like(ticks.lane, new), symbol=ids[ticks.symbol]))
    ticks = concat(chosen)
    return take(ticks, np.argsort(ticks.ts_event, kind="stable"))


def _events(share: Share, states: list[Snapshot]) -> list[Any]:
    events = [
        {**event, "lane": new}
        for new, (k, lane) in enumerate(share.lanes)
        for event in states[k]["events"]
        if event["lane"] == lane
    ]
    return sorted(events, key=lambda event: (event["ts_event"], event["lane"], event["offset"]))
