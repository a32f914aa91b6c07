"""Progress of long work: a bar with rate and ETA on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Final

_LINE_EVERY: Final = 10.0  # seconds, where there is no terminal


class Progress:
    """How far something has come, of `total` units (None if unknown). Writes to stderr."""

    def __init__(self, total: int | None, unit: str, quiet: bool = False) -> None:
        """Begin at zero; `quiet` shows nothing."""
        self.total, self.unit, self.quiet = total, unit, quiet
        self._began = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def at(self, done: int) -> None:
        """Say that `done` units are through. Cheap: shows itself at most five times a second."""
        if self.quiet:
            return
        now = time.monotonic()
        if now - self._shown < (0.2 if self._terminal else _LINE_EVERY):
            return
        self._shown = now
        line = self._line(done, now - self._began)
        sys.stderr.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
        sys.stderr.flush()

    def _line(self, done: int, seconds: float) -> str:
        rate = done / seconds
        line = f"{done:,} {self.unit}, {rate:,.0f}/s"
        if self.total:
            left = max(self.total - done, 0) / rate if rate else 0.0
            line = f"{done / self.total:6.1%}  {line}, {left:,.0f} s left"
        return line

    def close(self) -> None:
        """Leave the line."""
        if self._terminal and not self.quiet:
            sys.stderr.write("\r\x1b[K")
