"""How stores are addressed: URLs, namespaces, and the names that tables, channels and keys get in one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from schema.tables import TABLES

LIVE: Final = "live"
COMMITTED: Final = "committed"  # name in `meta`: the newest batch number whose rows are in the store
_NAMESPACE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_namespace(namespace: str) -> str:
    """Return the namespace as it is.

    Raises ValueError, saying what is understood.
    """
    if not _NAMESPACE.fullmatch(namespace) or len(namespace) > 40:
        raise ValueError(
            f"namespace {namespace!r} is not understood; expected at most 40 small letters, digits and single "
            "underscores, a letter first (live, replay, what_if_2)"
        )
    return namespace


def of_writer(name: str, writer: str) -> str:
    """Return what a writer calls its own thing where several share a namespace: `committed`, or `committed.shard`."""
    return f"{name}.{writer}" if writer else name


def stored_name(table: str, namespace: str) -> str:
    """Return what a table is called in a namespace: its own name in `live`, `replay__bars` elsewhere."""
    return table if namespace == LIVE else f"{namespace}__{table}"


def bus_name(name: str, namespace: str) -> str:
    """Return what a channel or key is called in a namespace: its own name in `live`, `replay:…` elsewhere."""
    return name if namespace == LIVE else f"{namespace}:{name}"


def retention_days(text: str) -> dict[str, int]:
    """Read `90` (every table), or `ticks=7,features=90` (the others for ever); nothing keeps all for ever.

    Raises ValueError, saying what is understood.
    """
    expected = "whole days like 90, or tables with theirs like ticks=7,features=90"
    found: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, days = part.rpartition("=")
        if not days.isdecimal() or int(days) < 1 or (name and name not in TABLES):
            raise ValueError(f"retention {text!r}: {part!r} is not understood; expected {expected}")
        found |= dict.fromkeys([name] if name else TABLES, int(days))
    return found


def sqlite_path(url: str) -> Path:
    """Return the file of `sqlite:///relative/path` or `sqlite:////absolute/path`.

    Raises ValueError where there is no path in it.
    """
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise ValueError(
            f"store URL {url!r} names no file; expected sqlite:///relative/path or sqlite:////absolute/path"
        )
    return Path(path)
