"""Market events that belong to files of ticks: one JSON message a line, as docs/messages.md has them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from dataflows.messages.formats import Format
from dataflows.messages.names import Names
from dataflows.messages.singles import read_singles
from dataflows.sources.errors import BadFile
from schema.events import Event

SUFFIXES: Final = (".jsonl", ".ndjson")


class EventFile:
    """One file of events, read whole. An event's offset is -1 less its line: before every tick."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises BadFile for a line that is no event."""
        if not path.is_file():
            raise BadFile(path, "no such file", "a file of market events", "check the path")
        content = path.read_bytes()
        self.path = path
        self.fingerprint = f"{path.name}:{len(content)}::{zlib.crc32(content):08x}"
        lines = [(k, line) for k, line in enumerate(content.splitlines()) if line.strip()]
        numbers, values = [k for k, _ in lines], [line for _, line in lines]
        part, refused = read_singles(values, numbers, Format.JSON, Names())
        wrong = [(one.message, one.found) for one in refused] + [(int(k), "a tick") for k in part.message]
        if wrong:
            line, found = min(wrong)
            raise BadFile(
                path, f"{found} in line {line + 1}", "one market event a line (docs/messages.md)", "mend the line"
            )
        self.events: tuple[Event, ...] = tuple(replace(event, offset=-1 - line) for line, event in part.events)
