"""Files of ticks as commands read them: the configured symbols, progress on the way, until told to drain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dataflows.sources.files import FileSource
from ops.drain import Drain
from ops.progress import Progress
from ops.settings import Settings


def tick_files(settings: Settings, files: list[Path], start: int | None, end: int | None) -> FileSource:
    """Return the ticks of the configured symbols from `start` to before `end` (ns UTC)."""
    return FileSource(files, start_ns=start, end_ns=end, symbols=settings.universe.listed)


@contextmanager
def followed(drain: Drain, quiet: bool) -> Iterator[Callable[[int], bool]]:
    """Show progress; the caller is given what takes the number of ticks read and says whether to stop."""
    progress = Progress(None, "ticks", quiet=quiet)

    def on_read(read: int) -> bool:
        progress.at(read)
        return drain.asked

    yield on_read
    progress.close()
