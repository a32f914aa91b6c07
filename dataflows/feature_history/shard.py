"""A shard's view of the ticks: those of its own symbols, and of all others only how far time has come.

A tick is late by what *any* symbol of its lane showed before it. So where the ticks of other symbols move a lane's
newest time, a heartbeat of that time stands in their place: each shard then finds the same ticks late, and closes the
same bars, as a run over everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dataflows.batch import Arrivals
from dataflows.interfaces import Snapshot, Source
from dataflows.stations.checks import check
from dataflows.universe import Universe
from schema.ticks import HEARTBEAT, NO_SYMBOL, Bool, Int32, Int64, UInt8, count, take

_DROPPED, _OWN, _BEAT = 0, 1, 2


@njit(cache=True)
def _thin(own: Bool, passes: Bool, time: Int64, lane: Int32, newest: Int64, waiting: Int64, fate: UInt8) -> None:
    """Keep own ticks, and of others the last that moved its lane's newest time before each own tick of the lane."""
    for k in range(len(own)):
        i = lane[k]
        if own[k]:
            if waiting[i] >= 0:
                fate[waiting[i]] = _BEAT
                waiting[i] = -1
            fate[k] = _OWN
        elif passes[k] and time[k] > newest[i]:
            newest[i], waiting[i] = time[k], k
    for i in range(len(waiting)):
        if waiting[i] >= 0:
            fate[waiting[i]] = _BEAT


class ShardSource:
    """A source of the ticks of some symbols; positions, offsets and origins are those of the source under it."""

    def __init__(self, source: Source, universe: Sequence[str], own: Collection[str], future_bound_ns: int) -> None:
        """Show the symbols `own` of the whole run's `universe`, whose gate allows `future_bound_ns`."""
        self.source = source
        self.lanes = source.lanes
        self._universe = Universe(universe, max(len(universe), 1))
        self._own = np.array([*(name in frozenset(own) for name in universe), False])  # last: NO_SYMBOL
        self._future_bound_ns = future_bound_ns
        self._names: tuple[str, ...] | None = None
        self._ids: Int32 = np.empty(0, np.int32)
        self.ticks_seen = 0  # of all symbols, since the start of this process

    def next_batch(self) -> Arrivals | None:
        """Return what is left of the next batch."""
        arrivals = self.source.next_batch()
        return None if arrivals is None else self._thinned(arrivals)

    def position(self) -> Snapshot:
        """Return where the next read begins."""
        return self.source.position()

    def seek(self, position: Snapshot) -> None:
        """Continue there."""
        self.source.seek(position)

    def origin(self, lane: NDArray[np.int32], offset: Int64) -> tuple[list[str], NDArray[np.int32], Int64]:
        """Resolve as the source does."""
        return self.source.origin(lane, offset)

    def close(self) -> None:
        """Release the source."""
        self.source.close()

    def _thinned(self, arrivals: Arrivals) -> Arrivals:
        ticks, n = arrivals.ticks, count(arrivals.ticks)
        self.ticks_seen += n
        reason, symbol, fate = np.empty(n, np.uint8), np.full(n, NO_SYMBOL, np.int32), np.zeros(n, np.uint8)
        refused = check(ticks, self._ids_of(arrivals.names), len(self.lanes), self._future_bound_ns, reason, symbol)
        if refused < 0:
            raise ValueError(f"shard: tick {-1 - refused} of a batch is of no lane or name that the source has")
        reason[list(arrivals.malformed)] = 1
        newest, waiting = np.zeros(len(self.lanes), np.int64), np.full(len(self.lanes), -1)
        _thin(self._own[symbol], reason == 0, ticks.ts_event, ticks.lane, newest, waiting, fate)
        rows = np.flatnonzero(fate)
        kept = take(ticks, rows)
        kept.kind[fate[rows] == _BEAT] = HEARTBEAT
        place = {int(row): k for k, row in enumerate(rows)} if arrivals.malformed or arrivals.unknown_kinds else {}
        return Arrivals(
            kept, arrivals.names, _moved(arrivals.malformed, place, fate), arrivals.events,
            _moved(arrivals.unknown_kinds, place, fate),
        )  # fmt: skip

    def _ids_of(self, names: tuple[str, ...]) -> Int32:
        if names is not self._names:
            self._names, self._ids = names, self._universe.ids(names)
        return self._ids


def _moved(texts: dict[int, str], place: dict[int, int], fate: UInt8) -> dict[int, str]:
    return {place[row]: text for row, text in texts.items() if fate[row] == _OWN}


SYMBOLS_TOGETHER: Final = 1  # least symbols of a shard


def shards_of(ticks: dict[str, int], workers: int, renames: Iterable[tuple[str, str]] = ()) -> list[list[str]]:
    """Deal symbols to at most `workers` shards of about as many ticks each: the busiest first, to the emptiest.

    A symbol's names stay together.
    """
    names = {name: [name] for name in ticks}  # each with those that it shares a shard with; the same list for all
    for pair in renames:
        mine, other = (names.get(name) for name in pair)
        if mine is not None and other is not None and mine is not other:
            mine += other
            names |= dict.fromkeys(other, mine)
    groups = {id(group): group for group in names.values()}.values()
    n = max(1, min(workers, len(groups) // SYMBOLS_TOGETHER))
    shards: list[list[str]] = [[] for _ in range(n)]
    load = [0] * n
    for weight, group in sorted((-sum(ticks[name] for name in group), group) for group in groups):
        k = load.index(min(load))
        shards[k] += group
        load[k] += max(-weight, 1)
    return shards
