"""What a planted fault is, and how it is planted."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Kind(StrEnum):
    """What sort of mistake a fault is."""

    WINDOW = "window off by one"
    RESET = "missing reset"
    SEED = "wrong seed"
    WARM_UP = "wrong warm-up"
    LOOK_AHEAD = "look-ahead"
    ORDER = "read before written"
    BID_ASK = "bid and ask swapped"
    SIDES = "sides swapped"
    FORGOTTEN = "forgotten state"
    SIGN = "wrong sign"
    DEGREE = "absolute epsilon"
    SYMBOLS = "symbols mixed"
    REBUILD = "missing rebuild"
    NAN = "NaN into state"
    VALIDITY = "wrong validity"
    BOUNDARY = "< for <="
    HORIZON = "horizons swapped"
    DECAY = "decay with the wrong time"
    TIE = "missing tie guard"
    FORMULA = "wrong formula"


class Fault(NamedTuple):
    """One mistake: `old` stands exactly once in the file and `new` takes its place."""

    path: str  # from the repository's root
    old: str
    new: str
    kind: Kind
    breaks: str  # what no longer holds

    @property
    def family(self) -> str:
        return self.path.split("/")[1]


class DoesNotFit(Exception):
    """A fault's text is not, or not only once, in its file."""


def planted(root: Path, fault: Fault) -> str:
    """Return the source with the fault.

    Raises DoesNotFit where its text doesn't stand in the file exactly once.
    """
    path = root / fault.path
    if not path.is_file():
        raise DoesNotFit(f"fault {fault.breaks!r}: {fault.path} is no file; move the fault to where its kernel is now")
    source = path.read_text()
    if (found := source.count(fault.old)) != 1:
        raise DoesNotFit(
            f"fault {fault.breaks!r}: {fault.path} has {found} times the text {fault.old!r}, expected exactly once; "
            "write the fault anew for the kernel as it is now"
        )
    return source.replace(fault.old, fault.new)
