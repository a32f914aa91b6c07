"""Processes that work on shards and days. They tell how far they are, stop when asked, and die with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any, Final, TypeVar

import pyarrow as pa

from dataflows.feature_history.days import Day, write_day
from dataflows.feature_history.manifest import BuildFailed
from dataflows.feature_history.replay import Shard, replay_shard
from dataflows.sources.errors import BadFile
from features.ordering import BufferOverflow

T = TypeVar("T")
_POLL: Final = 0.2  # seconds
_OURS: Final[dict[str, Any]] = {}  # of a worker process: `seen` and `stop`


class Workers:
    """A pool of processes, started fresh: threads and compiled code of this one don't follow them."""

    def __init__(self, processes: int, shards: int) -> None:
        """Start when the first task comes."""
        context = multiprocessing.get_context("spawn")
        self._seen, self._stop = context.Array("q", max(shards, 1), lock=False), context.Event()
        self._pool = ProcessPoolExecutor(processes, context, _begin, (self._seen, self._stop))

    def replay(self, k: int, shard: Shard) -> Future[int | None]:
        """Stage shard number `k`."""
        return self._pool.submit(_replay, k, shard)

    def write(self, day: Day) -> Future[int]:
        """Write a day's files."""
        return self._pool.submit(write_day, day)

    def ticks_seen(self) -> int:
        """Return how many ticks all shards have seen."""
        return sum(self._seen)

    def stop(self) -> None:
        """Ask all to stop at the next place they can go on from, and to begin nothing new."""
        self._stop.set()

    def finished(
        self, futures: Iterable[Future[T]], asked: Callable[[], bool], tell: Callable[[], None] = lambda: None
    ) -> Iterator[Future[T]]:
        """Yield tasks as they finish, telling now and then; asked to stop, leave out what has not begun."""
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, _POLL, FIRST_COMPLETED)
            yield from done
            tell()
            if asked():
                self.stop()
                waiting = {future for future in waiting if not future.cancel()}

    def close(self) -> None:
        """Wait for what runs; what has not begun is not done."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(seen: Any, stop: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent drains
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _OURS.update(seen=seen, stop=stop)
    threading.Thread(target=_die_with, args=(multiprocessing.parent_process(),), daemon=True).start()


def _die_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _replay(k: int, shard: Shard) -> int | None:
    def on_read(read: int) -> None:
        _OURS["seen"][k] = read

    try:
        return replay_shard(shard, on_read, _OURS["stop"].is_set)
    except (BadFile, BufferOverflow) as error:
        raise BuildFailed(str(error)) from None
