"""How far writing has come: a few numbers in a file that the flow and its helper both have in memory."""

from __future__ import annotations

import mmap
import os
from enum import IntEnum
from pathlib import Path
from typing import Final

import numpy as np

_FIELDS: Final = (
    "shipped",  # helper: the server has everything before this position of the spool
    "durable",  # helper: this far nothing can be lost: shipped, or on our disk itself
    "acknowledged",  # helper: the newest batch of this run that is durable
    "state",  # helper: State
    "rejected",  # helper: rows that the server refused, which are dead letters now
    "since",  # helper: when the state began, Unix seconds
    "written",  # flow: position behind the newest record
    "wanted",  # flow: somebody waits until this position is durable
)


class State(IntEnum):
    """What becomes of rows."""

    UP = 0  # the server takes them
    AWAY = 1  # they stay in the spool, on our disk
    FAILED = 2  # the helper ended; it said why


class Progress:
    """The numbers as attributes. Each has one writer, and eight aligned bytes are written at once."""

    shipped: int
    durable: int
    acknowledged: int
    state: int
    rejected: int
    since: int
    written: int
    wanted: int

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.posix_fallocate(file, 0, 8 * len(_FIELDS))  # on a full disk an error now, not a signal at the first write
        values = np.frombuffer(mmap.mmap(file, 8 * len(_FIELDS)), np.int64)
        os.close(file)
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> int:
        """Read one number."""
        return int(self.__dict__["_values"][_FIELDS.index(name)])

    def __setattr__(self, name: str, value: int) -> None:
        """Write one number."""
        self.__dict__["_values"][_FIELDS.index(name)] = value
