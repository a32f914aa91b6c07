"""The feed and the subscriber as processes, from the side of whoever starts them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from benchmarks.live.feed import Order, Sent
from ops.errors import CommandFailed

ROOT: Final = Path(__file__).resolve().parents[2]
_HEAD_START_NS: Final = 100_000_000
_END_S: Final = 60.0


class Feed:
    """A producer at work."""

    def __init__(self, order: Order, start_ns: int | None = None) -> None:
        """Start it; its first tick is due at `start_ns`, or as soon as it can be."""
        self.order = order
        self._process = _python("benchmarks.live.feed", msgspec.json.encode(order).decode(), stdin=subprocess.PIPE)
        _expect(self._process, "ready", "feed")
        self.start_ns = time.time_ns() + _HEAD_START_NS if start_ns is None else start_ns
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self.start_ns}\n")
        self._process.stdin.flush()

    @property
    def ends_ns(self) -> int:
        """When its last tick is due."""
        return self.start_ns + int(self.order.ticks / self.order.rate * 1e9)

    def due(self, at_ns: int) -> int:
        """Return how many of its ticks were due by a time."""
        passed = (at_ns - self.start_ns) * 1e-9 * self.order.rate
        return int(min(max(passed, 0), self.order.ticks))

    def result(self) -> tuple[Sent, dict[str, np.ndarray]]:
        """Wait until all is sent; return what was, and its log."""
        out, errors = self._process.communicate()
        if self._process.returncode != 0:
            raise CommandFailed(f"bench-live: the feed failed:\n{errors[-2000:]}")
        with np.load(self.order.log) as found:
            return msgspec.json.decode(out, type=Sent), dict(found)

    def close(self) -> None:
        """End it, whatever it does."""
        _end(self._process)


class Listener:
    """A subscriber at work."""

    def __init__(self, address: str, pattern: str, path: Path) -> None:
        """Start it on `redis://host:port/db`, and wait until it listens."""
        host, _, port = address.removeprefix("redis://").partition("/")[0].partition(":")
        self._path = path
        self._process = _python(
            "benchmarks.live.listener", host, port, pattern, str(path), stdin=subprocess.PIPE
        )  # fmt: skip
        _expect(self._process, "listening", "subscriber")

    def result(self) -> dict[str, np.ndarray]:
        """End it and return arrays time, sequence, stamp (ns)."""
        _, errors = self._process.communicate(timeout=_END_S)  # closes its stdin
        if self._process.returncode != 0:
            raise CommandFailed(f"bench-live: the subscriber failed:\n{errors[-2000:]}")
        with np.load(f"{self._path}.npz") as found:
            return dict(found)

    def close(self) -> None:
        """End it, whatever it does."""
        _end(self._process)


@contextmanager
def ended(process: Any) -> Iterator[Any]:
    """Close a Feed or Listener at the end, whatever happened."""
    try:
        yield process
    finally:
        process.close()


def _python(module: str, *arguments: str, stdin: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, stdin=stdin, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _expect(process: subprocess.Popen[str], word: str, name: str) -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() != word:
        raise CommandFailed(f"bench-live: the {name} failed:\n{process.communicate()[1][-2000:]}")


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
    process.communicate()
