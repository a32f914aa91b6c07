"""Ctrl-C: the first asks the process to finish what it has and stop, the second stops it at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Drain:
    """Whether the process was asked to drain. A long command looks at `asked` between two batches."""

    def __init__(self) -> None:
        """Begin unasked."""
        self.asked = False

    def ask(self, signum: int = 0, frame: FrameType | None = None) -> None:
        """Ask for a drain; a second call raises KeyboardInterrupt."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("undertone: draining; once more to stop at once", file=sys.stderr)


@contextmanager
def draining() -> Iterator[Drain]:
    """Turn SIGINT and SIGTERM into a drain while the block runs. Main thread only."""
    drain = Drain()
    before = {number: signal.signal(number, drain.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield drain
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
