"""What the feed plays: a piece of the synthetic market, drawn once, played round and round at any rate."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput
from dataflows.sources.synthetic import SyntheticMarket
from schema.ticks import HEARTBEAT, Int64, Ticks, concat, count, take

LANES: Final = 4
SECONDS: Final = 20.0
RATE: Final = 20.0  # ticks a second and symbol; bursts add a quarter, so that a pool of 1,000 symbols has 500,000
SEED: Final = 11


class Pool(NamedTuple):
    """Ticks in order of arrival, and how long each took to arrive."""

    ticks: Ticks
    names: tuple[str, ...]
    delay: Int64  # (n,) ns from ts_event to ts_recv


def draw(symbols: int, faults: float = 0.0) -> Pool:
    """Draw a pool; with `faults` some ticks are broken and some late, as in the synthetic market."""
    market = SyntheticMarket(symbols, SEED, RATE, duration_s=SECONDS, lanes=LANES, faults=faults)
    parts = [arrivals.ticks for arrivals in _batches(market)]
    ticks = concat(parts)
    ticks = take(ticks, ticks.kind != HEARTBEAT)
    return Pool(ticks, market.names, ticks.ts_recv - ticks.ts_event)


def played(pool: Pool, begin: int, end: int, start_ns: int, rate: float) -> Ticks:
    """Return ticks `begin` .. `end` of an endless play whose tick k arrives k / rate seconds behind `start_ns`.

    Each keeps the delay that it had, so that lanes are a little out of order as they were. The venue's sequence
    numbers go on over the rounds.
    """
    number = np.arange(begin, end)
    rows = number % count(pool.ticks)
    arrives = start_ns + (number * (1e9 / rate)).astype(np.int64)
    return take(pool.ticks, rows)._replace(ts_recv=arrives, ts_event=arrives - pool.delay[rows], sequence=number)


def save(pool: Pool, path: Path) -> None:
    """Write a pool to one file."""
    np.savez(path, names=np.array(pool.names), delay=pool.delay, **pool.ticks._asdict())


def load(path: Path) -> Pool:
    """Read what `save` wrote."""
    with np.load(path) as found:
        ticks = Ticks(**{name: found[name] for name in Ticks._fields})
        return Pool(ticks, tuple(found["names"].tolist()), found["delay"])


def _batches(market: SyntheticMarket) -> list[Arrivals]:
    batches = []
    try:
        while (batch := market.next_batch()) is not None:
            batches.append(batch)
    except EndOfInput:
        pass
    return batches
