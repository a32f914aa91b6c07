"""The barrier: rows of one bar time, computed by several shards, meet in one place.

It closes a bar time once every shard has said that it closed it ("all in"), or at a deadline that is recorded
before anything depends on it. What a shard brings after that deadline is dropped and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from features.inputs import BarInputs
from schema.bars import BarFlag, Bars
from schema.events import Decision, DecisionKind
from schema.features import FeatureRows
from schema.reasons import CloseReason

NEVER: Final = -(1 << 62)


class Rows(NamedTuple):
    """Bars with their features and kernel inputs, row for row."""

    bars: Bars
    features: FeatureRows
    inputs: BarInputs | None  # None where they are made anew behind the barrier


class Barrier:
    """Join the rows of all shards by bar time, in the order (time, timeframe, name)."""

    def __init__(
        self, shards: Iterable[str], deadline_ns: int, record: Callable[[Decision], None],
        decided: Iterable[Decision] = (),
    ) -> None:  # fmt: skip
        """Wait up to `deadline_ns` of clock for a shard; 0 waits for ever.

        `record` makes a decision durable before it returns. `decided` are the deadlines of an earlier run over the
        same input: the shards they name are left out of those bar times again, whenever their rows come.
        """
        self.closed_through = dict.fromkeys(shards, NEVER)
        self.deadline_ns = deadline_ns
        self.record = record
        self.without = {d.time: frozenset(d.subject.split(",")) for d in decided if d.kind == DecisionKind.DEADLINE}
        self.released_through = NEVER
        self.waiting: list[Rows] = []
        self.waiting_since: int | None = None
        self.reasons: Counter[str] = Counter()
        self.dropped = 0

    def push(self, shard: str, rows: Rows | None, closed_through: int) -> None:
        """Take rows of a shard, if there are any, and its mark "every bar up to this time is closed" (ns)."""
        self.closed_through[shard] = max(self.closed_through[shard], closed_through)
        if rows is None:
            return
        shut = rows.bars.time <= self.released_through
        for time, missing in self.without.items():
            if shard in missing:
                shut |= rows.bars.time == time
        if shut.any():
            self.dropped += int(shut.sum())
            rows = taken(rows, ~shut)
        if len(rows.bars.time):
            self.waiting.append(rows)

    def release(self, now: int, rank: np.ndarray) -> Rows | None:
        """Return what may pass at clock time `now` (ns), None if nothing may; `rank` orders symbols by name."""
        self._pass_deadline(now)
        through = min(self.closed_through.values())
        self.released_through = max(self.released_through, through)
        if not self.waiting:
            return None
        rows = self.waiting[0] if len(self.waiting) == 1 else joined(self.waiting, rank)
        ready = rows.bars.time <= through
        self.waiting = [] if ready.all() else [taken(rows, ~ready)]
        if not self.waiting:
            self.waiting_since = None
        elif ready.any() or self.waiting_since is None:
            self.waiting_since = now
        if not ready.any():
            return None
        released = rows if ready.all() else taken(rows, ready)
        self._count(released)
        return released

    def _pass_deadline(self, now: int) -> None:
        """Leave the shards out that the oldest bar time has waited for too long."""
        if not self.waiting or self.waiting_since is None or self.deadline_ns == 0:
            return
        if now - self.waiting_since < self.deadline_ns:
            return
        oldest = min(int(rows.bars.time.min()) for rows in self.waiting)
        missing = frozenset(shard for shard, through in self.closed_through.items() if through < oldest)
        if missing and oldest not in self.without:
            self.record(Decision(oldest, DecisionKind.DEADLINE, ",".join(sorted(missing))))
            self.without[oldest] = missing
        for shard in missing:
            self.closed_through[shard] = oldest

    def _count(self, released: Rows) -> None:
        """Count why each bar time closed, and mark the rows of those that a deadline closed."""
        times = np.unique(released.bars.time)
        incomplete = [time for time in times.tolist() if time in self.without] if self.without else []
        self.reasons[CloseReason.ALL_IN] += len(times) - len(incomplete)
        for time in incomplete:
            self.reasons[CloseReason.DEADLINE] += 1
            released.bars.flags[released.bars.time == time] |= np.uint16(BarFlag.INCOMPLETE)

    def snapshot(self) -> dict[str, Any]:
        """Return what waits, and each shard's mark."""
        return {
            "closed_through": dict(self.closed_through),
            "without": [[time, sorted(missing)] for time, missing in self.without.items()],
            "released_through": self.released_through,
            "reasons": dict(self.reasons),
            "dropped": self.dropped,
            "waiting": [
                {
                    "bars": rows.bars._asdict(),
                    "inputs": None if rows.inputs is None else rows.inputs._asdict(),
                    "values": rows.features.values,
                    "why": rows.features.why,
                }
                for rows in self.waiting
            ],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Continue with the same shards."""
        self.closed_through = dict(snapshot["closed_through"])
        self.without |= {time: frozenset(missing) for time, missing in snapshot["without"]}
        self.released_through = snapshot["released_through"]
        self.reasons = Counter(snapshot["reasons"])
        self.dropped = snapshot["dropped"]
        self.waiting = [
            Rows(
                Bars(**part["bars"]),
                FeatureRows(part["values"], part["why"]),
                None if part["inputs"] is None else BarInputs(**part["inputs"]),
            )
            for part in snapshot["waiting"]
        ]


def taken(rows: Rows, keep: np.ndarray) -> Rows:
    """Return the chosen rows (mask or indices)."""
    return Rows(
        Bars(*(column[keep] for column in rows.bars)),
        FeatureRows(rows.features.values[keep], rows.features.why[keep]),
        None if rows.inputs is None else BarInputs(*(column[keep] for column in rows.inputs)),
    )


def joined(parts: list[Rows], rank: np.ndarray) -> Rows:
    """Join rows in the order (time, timeframe, symbol's rank by name, sequence)."""
    bars = Bars(*(np.concatenate(columns) for columns in zip(*(part.bars for part in parts))))
    features = FeatureRows(
        np.concatenate([part.features.values for part in parts]), np.concatenate([part.features.why for part in parts])
    )
    several = [part.inputs for part in parts if part.inputs is not None]
    inputs = BarInputs(*(np.concatenate(columns) for columns in zip(*several))) if several else None
    order = np.lexsort((bars.sequence, rank[bars.symbol], bars.timeframe, bars.time))
    return taken(Rows(bars, features, inputs), order)
