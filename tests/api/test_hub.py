"""Who is told first: with thousands of listeners the last one hears a tenth of a second later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.live.hub import Hub
from api.live.messages import EVERYTHING
from api.main import open_reader
from api.metrics import ApiMetrics

SERIES, MOMENTS = 40, 30
KEYS = [("1s", f"S{k:02d}") for k in range(SERIES)]


class Moments:
    """A feed of one prediction of every series a moment, the next once all were told."""

    def __init__(self) -> None:
        self.told = asyncio.Event()

    async def __call__(self) -> AsyncIterator[list[Any]]:
        for moment in range(MOMENTS + 1):  # the first is what there is
            self.told.clear()
            yield [{"timeframe": t, "symbol": s, "timestamp": f"{moment:04d}", "sequence": moment} for t, s in KEYS]
            await self.told.wait()
        await asyncio.Event().wait()


class Ear:
    """Hears all series, and notes in which order."""

    def __init__(self, feed: Moments) -> None:
        self._feed, self.moments = feed, [list[tuple[str, str]]()]

    def tell(self, key: tuple[str, str]) -> None:
        self.moments[-1].append(key)

    def deliver(self) -> None:
        self.moments.append([])
        self._feed.told.set()


class Ready:
    """An analyst that has nothing to do."""

    def prepare(self, messages: Any) -> None:
        pass


@pytest.fixture
def moments() -> list[list[tuple[str, str]]]:
    async def listen() -> list[list[tuple[str, str]]]:
        feed = Moments()
        ear = Ear(feed)
        hub = Hub(feed, Ready(), ApiMetrics(open_reader("sqlite:///nowhere.db")))  # type: ignore[arg-type]
        hub.add(ear, frozenset([("1s", EVERYTHING)]))
        running = asyncio.create_task(hub.run())
        while len(ear.moments) <= MOMENTS + 1:
            await asyncio.sleep(0.001)
        running.cancel()
        return ear.moments[:-1]

    return asyncio.run(asyncio.wait_for(listen(), 20))


def test_each_series_is_told_once_a_moment(moments: list[list[tuple[str, str]]]) -> None:
    assert all(sorted(told) == KEYS for told in moments)


def test_no_series_is_always_the_last(moments: list[list[tuple[str, str]]]) -> None:
    places = [[told.index(key) for told in moments] for key in KEYS]
    means = [sum(mine) / len(mine) for mine in places]
    assert max(means) < 0.6 * SERIES and min(means) > 0.4 * SERIES - 1
    assert min(max(mine) for mine in places) > 0.8 * SERIES, "each has its turn at the end"
