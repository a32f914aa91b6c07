"""Put ticks in event-time order, with a bound on how long to wait for a straggler.

Each lane (partition) carries its own watermark: the greatest event time it has shown, less the bound. A tick
before its own lane's watermark is late, whatever the other lanes did, so that the verdict does not depend on how
lanes interleave. Ticks are released once they lie before the least of the lanes' watermarks, in the order (event
time, lane, arrival in the lane); the released stream is therefore the same however the input was cut.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from schema.ticks import HEARTBEAT, Int64, Ticks, concat, count, take, ticks_of

NEVER: Final = -(1 << 62)  # the watermark of a lane that showed nothing yet
KEEP, LATE, REPEATED, PULSE = 0, 1, 2, 3


class BufferOverflow(RuntimeError):
    """More ticks wait for a lagging lane than the buffer may hold."""


class Sorted(NamedTuple):
    """What one push released and refused."""

    released: Ticks  # in order, all before the watermark
    late: Ticks
    late_watermark: Int64  # (late,) ns, the watermark of the late tick's lane at its arrival
    repeated: Ticks  # (lane, offset, index) seen before


@njit(cache=True)
def _judge(
    time: Int64, kind: NDArray[np.uint8], lane: NDArray[np.int32], offset: Int64, index: NDArray[np.int32],
    bound: int, newest: Int64, last_offset: Int64, last_index: Int64, verdict: NDArray[np.uint8], watermark: Int64,
) -> int:  # fmt: skip
    """Judge ticks in order of arrival; return how many are not to be kept."""
    refused = 0
    for k in range(len(time)):
        i = lane[k]
        if offset[k] < last_offset[i] or (offset[k] == last_offset[i] and index[k] <= last_index[i]):
            verdict[k] = REPEATED
            refused += 1
            continue
        last_offset[i], last_index[i] = offset[k], index[k]
        watermark[k] = newest[i] - bound
        verdict[k] = KEEP
        if kind[k] == HEARTBEAT:
            verdict[k] = PULSE
        elif time[k] < watermark[k]:
            verdict[k] = LATE
        refused += verdict[k] != KEEP
        newest[i] = max(newest[i], time[k])
    return refused


class ReorderBuffer:
    """Hold ticks back until no earlier one can come."""

    def __init__(self, bound_ns: int, n_lanes: int = 1, capacity: int = 1_000_000) -> None:
        """Wait `bound_ns` of event time for stragglers of `n_lanes` lanes, with at most `capacity` ticks waiting."""
        self.bound_ns = bound_ns
        self.capacity = capacity
        self.waiting = ticks_of(0)
        self.newest = np.full(n_lanes, NEVER, np.int64)
        self.last_offset = np.full(n_lanes, -1, np.int64)
        self.last_index = np.full(n_lanes, -1, np.int64)
        self.watermark = NEVER

    def push(self, ticks: Ticks) -> Sorted:
        """Take ticks in order of arrival and return what they release.

        Raises BufferOverflow where a lane lags so far behind that the buffer would outgrow its capacity.
        """
        n = count(ticks)
        verdict, watermark = np.empty(n, np.uint8), np.empty(n, np.int64)
        refused = _judge(
            ticks.ts_event, ticks.kind, ticks.lane, ticks.offset, ticks.index, self.bound_ns,
            self.newest, self.last_offset, self.last_index, verdict, watermark,
        )  # fmt: skip
        late = repeated = _NOTHING
        late_watermark = _NO_TIMES
        if refused:
            rows = verdict == LATE
            late, late_watermark, repeated = take(ticks, rows), watermark[rows], take(ticks, verdict == REPEATED)
            ticks = take(ticks, verdict == KEEP)
        least = int(self.newest.min())
        self.watermark = max(self.watermark, least - self.bound_ns) if least > NEVER else self.watermark
        return Sorted(self._release(ticks), late, late_watermark, repeated)

    def finish(self) -> Ticks:
        """End a finite input: release all that waits; the watermark then moves to the newest event time.

        Where nothing waits it stays: a publisher's last heartbeats, sent so far ahead that a live flow releases the
        last ticks too, move a live flow and a replay of the same topic equally far.
        """
        if count(self.waiting):
            self.watermark = max(self.watermark, int(self.newest.max()))
        released, self.waiting = self.waiting, _NOTHING
        return released

    def _release(self, arrived: Ticks) -> Ticks:
        """Add what arrived to what waits and return what is before the watermark, in arrays of our own.

        (Kernels compile again for arrays that are read-only, as a file's are.)
        """
        waiting, first = self.waiting, count(self.waiting)
        if count(arrived):  # what waits is in order, so that only ticks from the first that arrived on move
            first = int(np.searchsorted(waiting.ts_event, arrived.ts_event.min(), side="left"))
        moved = self._sorted(concat([take(waiting, slice(first, None)), arrived]))
        ready = int(np.searchsorted(waiting.ts_event[:first], self.watermark, side="left"))
        ready_moved = int(np.searchsorted(moved.ts_event, self.watermark, side="left"))
        left = first - ready + count(moved) - ready_moved
        if left > self.capacity:
            laggard = int(self.newest.argmin())
            raise BufferOverflow(
                f"reorder buffer: {left} ticks wait for lane {laggard}, whose newest event time is "
                f"{int(self.newest[laggard])} ns; at most {self.capacity} may. Find out why that lane stands still, "
                "send heartbeats on idle lanes, or raise order.capacity"
            )
        # Always a copy, so that what waits does not keep the whole batch it came with in memory.
        self.waiting = concat([take(waiting, slice(ready, first)), take(moved, slice(ready_moved, None))])
        released = take(waiting, slice(0, ready)), take(moved, slice(0, ready_moved))
        return concat([part for part in released if count(part)])

    def _sorted(self, ticks: Ticks) -> Ticks:
        """Sort by (event time, lane), keeping the order of arrival within both."""
        time = ticks.ts_event
        if len(self.newest) > 1:
            by_lane = np.argsort(ticks.lane, kind="stable")
            order = by_lane[np.argsort(time[by_lane], kind="stable")]
        elif np.all(time[1:] >= time[:-1]):
            return ticks
        else:
            order = np.argsort(time, kind="stable")
        return take(ticks, order)

    def snapshot(self) -> dict[str, object]:
        """Return the state: what waits, and each lane's progress."""
        return {
            "waiting": self.waiting._asdict(),
            "newest": self.newest,
            "last_offset": self.last_offset,
            "last_index": self.last_index,
            "watermark": self.watermark,
        }

    def restore(self, snapshot: dict[str, object]) -> None:
        """Continue from a snapshot of a buffer with as many lanes."""
        newest = np.array(snapshot["newest"])
        if len(newest) != len(self.newest):
            raise ValueError(
                f"reorder buffer: the checkpoint has {len(newest)} lanes, this run {len(self.newest)}; "
                "resume with the lanes it was started with"
            )
        self.waiting = Ticks(**snapshot["waiting"])  # type: ignore[arg-type]
        self.newest = newest
        self.last_offset = np.array(snapshot["last_offset"])
        self.last_index = np.array(snapshot["last_index"])
        self.watermark = int(snapshot["watermark"])  # type: ignore[call-overload]


_NOTHING: Final = ticks_of(0)
_NO_TIMES: Final = np.zeros(0, np.int64)
