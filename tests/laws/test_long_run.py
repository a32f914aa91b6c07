"""Law: after ten million inputs of its driver a column still equals its oracle, checked at 30 log-spaced points.

A column with a window is compared with its oracle over the last inputs alone, as if nothing had been before; a
recursive one with its oracle replayed from the start, or, in a run too long to keep, from FORGOTTEN warm-ups (and
horizons) before: by then a recursion has forgotten what was earlier.

`make test` runs 10,000 seconds of bars, with 20,000 trades and quotes a symbol (some twenty laps of the rings).
`LAWS_LONG_RUN=10000000` runs the whole law, in constant memory; it takes long over the whole catalogue, so CI does not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from features.catalogue import Column, Driver, Group
from tests.laws.runs import CATALOGUE, Violations, engine_for, every_column, step
from tests.laws.test_oracles import misses
from tests.long_market import A_SECOND, SESSION, SYMBOLS, chunks, followed, from_second
from tests.oracles.registry import ORACLES, Market

SECONDS = int(os.environ.get("LAWS_LONG_RUN", "10000"))
FIRST, POINTS = 400, 30
FORGOTTEN = 50
KEPT = 50_000  # seconds that are remembered: the whole of a short run
CHUNK = 50_000


def checked_points(seconds: int) -> list[int]:
    return sorted({int(point) for point in np.geomspace(FIRST, seconds, POINTS)})


def tail_seconds(column: Column, point: int, kept: int) -> int:
    """Return how many seconds before a point decide the column's value there."""
    a_second = {
        Driver.TRADE: A_SECOND // 2, Driver.QUOTE: A_SECOND // 2, Driver.SESSION: 1 / SESSION,
    }  # fmt: skip
    if column.driver is Driver.ITEM:  # tails keep the items from before them
        return min(3, kept)
    inputs = max(column.window, column.warm_up) if column.window else FORGOTTEN * max(column.warm_up, 60)
    needed = int(inputs / a_second.get(column.driver, 1)) + 3
    needed = max(needed, int(FORGOTTEN * column.params.get("horizon_seconds", 0)) + 3)
    if column.sessions != "spans":  # the window may begin inside a session, whose start then counts
        needed += (point - needed) % SESSION
    return min(needed, kept)


def by_tail(columns: Sequence[Column], point: int, kept: int) -> dict[int, list[int]]:
    """Return the columns' places by the seconds before a point that decide them: a tail is made once for all."""
    places: dict[int, list[int]] = {}
    for at, column in enumerate(columns):
        places.setdefault(tail_seconds(column, point, kept), []).append(at)
    return places


def compare(column: Column, found: np.ndarray, market: Market, points: list[int]) -> str:
    """Compare a column's rows at points, which count the market's seconds, with its oracle; "" if they agree."""
    oracle = ORACLES[column.name]
    rows = (np.array(points)[:, None] * SYMBOLS - np.arange(SYMBOLS, 0, -1)).ravel()
    expected = oracle.expected(column.name, market)[rows]
    bound = np.broadcast_to(oracle.bound(column.name, market), market.bars.n.shape)[rows]
    if not len(wrong := misses(found, expected, bound)):
        return ""
    return f"{len(wrong)} of {len(found)} rows miss, the first is {found[wrong[0]]!r}, expected {expected[wrong[0]]!r}"


def violations(groups: Sequence[Group], seconds: int) -> Violations:
    points = checked_points(seconds)
    columns = [column for group in groups for column in group.columns]
    ends = sorted({*points, *range(CHUNK, seconds, CHUNK)})
    engine, recent, found, seen = None, None, {}, []
    for end, chunk in zip(ends, chunks(ends)):
        engine = engine or engine_for(groups, chunk)
        values = step(engine, chunk.ticks, chunk.bars, chunk.items).values[-SYMBOLS:]
        recent = followed(recent, chunk, KEPT)
        if end not in points:
            continue
        seen.append(values)
        for length, places in by_tail(columns, end, len(recent.bars.time) // SYMBOLS).items():
            tail = None
            for at in places:
                column = columns[at]
                if column.driver is Driver.SESSION and not column.window and end > KEPT:
                    continue  # it remembers hundreds of sessions, more than are kept
                if column.window or column.driver is Driver.ITEM or seconds > KEPT:
                    tail = tail or from_second(recent, length).market()
                    if message := compare(column, values[:, at], tail, [len(tail.bars.n) // SYMBOLS]):
                        found[column.name] = f"after {end} seconds {message}"
    whole = recent.market() if recent and seconds <= KEPT else None
    for at, column in enumerate(columns):
        replayed = not column.window and column.driver is not Driver.ITEM and whole
        if replayed and (message := compare(column, np.concatenate(seen)[:, at], whole, points)):
            found[column.name] = message
    return found


@cache
def broken() -> Violations:
    known = [group for group in CATALOGUE if all(column.name in ORACLES for column in group.columns)]
    return violations(known, SECONDS)


@pytest.mark.timeout(3_600)
@every_column
def test_long_run_still_equals_the_oracle(column: str) -> None:
    assert column in ORACLES, "no oracle to compare it with"
    assert not (found := broken().get(column)), found
