"""Which workers there are: each says so every few seconds."""

from __future__ import annotations

from typing import Final

import msgspec

from models.jobs.records import Records

SAID_EVERY_S: Final = 5.0
_SILENT_S: Final = 30.0
_PREFIX: Final = "worker "


class Seen(msgspec.Struct, frozen=True):
    """What a worker said of itself."""

    at: float  # Unix time, s
    running: int  # jobs


def say(records: Records, worker: str, seen: Seen) -> None:
    """Say that a worker is there. Raises RecordsAway."""
    text = msgspec.json.encode(seen).decode()
    records.change(lambda table: table.set_mark(_PREFIX + worker, text))


def workers(records: Records, now: float) -> list[tuple[str, Seen]]:
    """Return the workers that were heard of in the last half minute, by name. Raises RecordsAway."""
    found = {
        name.removeprefix(_PREFIX): msgspec.json.decode(text, type=Seen)
        for name, text in records.marks().items()
        if name.startswith(_PREFIX)
    }
    return sorted((name, seen) for name, seen in found.items() if now - seen.at < _SILENT_S)
