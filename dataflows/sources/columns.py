"""Which columns a file of ticks has, under which names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from os import PathLike
from typing import Final

from dataflows.sources.errors import BadFile

FLOATS: Final = ("price", "size", "bid", "bid_size", "ask", "ask_size")
REQUIRED: Final = ("ts_event", "symbol", "kind", *FLOATS)
OPTIONAL: Final = ("ts_recv", "side", "conditions", "sequence", "lane")
ALIASES: Final = {"ts_event": ("ts_event", "ts"), "lane": ("lane", "partition")}

SIDES: Final = {
    "": 0, "0": 0, "none": 0, "unknown": 0,
    "1": 1, "+1": 1, "buy": 1, "b": 1, "bid": 1,
    "-1": -1, "sell": -1, "s": -1, "ask": -1,
}  # fmt: skip


def columns_of(path: str | PathLike[str], found: Sequence[str]) -> dict[str, str]:
    """Map each field of a tick to the file's column for it; columns that mean nothing to us are left out.

    Raises BadFile where a required column is missing or a column is there twice.
    """
    twice = [name for name, times in Counter(found).items() if times > 1]
    if twice:
        raise BadFile(path, f"columns {twice} more than once", "each column once", "rename or drop the repeated ones")
    columns = {}
    for field in (*REQUIRED, *OPTIONAL):
        name = next((name for name in ALIASES.get(field, (field,)) if name in found), None)
        if name is not None:
            columns[field] = name
    missing = ["ts (or ts_event)" if field == "ts_event" else field for field in REQUIRED if field not in columns]
    if missing:
        raise BadFile(
            path,
            f"the columns {list(found)}, without {missing}",
            "ts (or ts_event), symbol, kind, " + ", ".join(FLOATS),
            "add the missing columns; leave cells empty where a tick has no such value",
        )
    return columns
