"""Heartbeats for a replay in lanes: history has none, and a lane without ticks would hold all the others back."""

from __future__ import annotations

from typing import Final

import numpy as np

from dataflows.batch import Arrivals
from schema.ticks import HEARTBEAT, Int64, Ticks, take, ticks_of

LAST_TIME: Final = 7_258_118_400_000_000_000  # 2200-01-01: a later time is no sign of progress


def with_heartbeats(arrivals: Arrivals, lanes: int, every_ns: int, newest: int) -> tuple[Arrivals, int]:
    """Put a heartbeat on every lane behind each tick that first reaches a new `every_ns` of event time.

    `newest` is the greatest event time before (ns UTC); returned with the arrivals is the one behind them. A
    heartbeat shows the tick's offset and the index 1. It depends on the ticks before it and not on the batches.
    """
    time = arrivals.ticks.ts_event
    progress = np.maximum.accumulate(np.where(time < LAST_TIME, time, 0).clip(min=newest))
    beat = progress // every_ns
    reached = np.diff(beat, prepend=newest // every_ns) > 0
    if not reached.any():
        return arrivals, int(progress[-1]) if len(progress) else newest
    source = np.repeat(np.arange(len(time)), 1 + lanes * reached)
    place = np.arange(len(time)) + lanes * (np.cumsum(reached) - reached)  # of each tick among the heartbeats
    beats = np.ones(len(source), np.bool_)
    beats[place] = False
    ticks = take(arrivals.ticks, source)
    _write_beats(ticks, beats, (beat * every_ns)[source[beats]], lanes)
    malformed = {int(place[row]): text for row, text in arrivals.malformed.items()}
    unknown = {int(place[row]): text for row, text in arrivals.unknown_kinds.items()}
    return Arrivals(ticks, arrivals.names, malformed, arrivals.events, unknown), int(progress[-1])


def _write_beats(ticks: Ticks, beats: np.ndarray, time: Int64, lanes: int) -> None:
    n = len(time)
    shown = ticks_of(n, ts_event=time, kind=HEARTBEAT, lane=np.arange(n) % lanes, offset=ticks.offset[beats], index=1)
    for field in Ticks._fields:
        getattr(ticks, field)[beats] = getattr(shown, field)
