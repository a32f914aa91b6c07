"""What is wanted of running dataflows: which versions are active, which challenge them, which were active before.

It stands in the file `active.json` of a registry's folder and is changed under a lock, by one rename, with a number
that rises with every change.
"""

from __future__ import annotations

import datetime as dt
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from ops.durable import put_in_place

PARTIAL: Final = ".partial-"  # begins the name of what is being written in a registry's folder
_FILE: Final = "active.json"
_REMEMBERED: Final = 20  # earlier active versions of a timeframe


class RegistryError(Exception):
    """A version or the registry's own file can't be used. The text says which, why, and what to do."""


class Activation(msgspec.Struct, frozen=True):
    """One timeframe's active version, or one that challenges it."""

    version: str
    number: int  # of the change that made it so; rises over the whole registry
    activated: str  # ISO-8601 UTC


class Standing(msgspec.Struct):
    """What is wanted of running dataflows, by timeframe."""

    number: int = 0
    active: dict[str, Activation] = {}
    challengers: dict[str, list[Activation]] = {}  # in order of their challenge
    before: dict[str, list[str]] = {}  # versions that were active, the newest last

    def activate(self, timeframe: str, version: str) -> None:
        """Make a version the active one, and remember the one that was."""
        old = self.active.get(timeframe)
        if old is not None and old.version != version:
            self.before[timeframe] = [*self.before.get(timeframe, []), old.version][-_REMEMBERED:]
        self._appoint(timeframe, version)

    def roll_back(self, timeframe: str) -> str | None:
        """Make the version active again that was so before, and return it; None where there was none."""
        before = self.before.get(timeframe, [])
        if not before:
            return None
        version = before.pop()
        self._appoint(timeframe, version)
        return version

    def challenge(self, timeframe: str, version: str) -> None:
        """Let a version be scored beside the active one."""
        others = [found for found in self.challengers.get(timeframe, []) if found.version != version]
        self.challengers[timeframe] = [*others, self._now(version)]

    def withdraw(self, version: str) -> bool:
        """End a version's challenge; return whether there was one."""
        for timeframe, found in self.challengers.items():
            if any(challenger.version == version for challenger in found):
                self.challengers[timeframe] = [c for c in found if c.version != version]
                return True
        return False

    def _appoint(self, timeframe: str, version: str) -> None:
        self.active[timeframe] = self._now(version)
        self.challengers[timeframe] = [c for c in self.challengers.get(timeframe, []) if c.version != version]

    def _now(self, version: str) -> Activation:
        return Activation(version, self.number, dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def read_standing(root: Path) -> Standing:
    """Return what is wanted now, nothing where there is no file yet. Raises RegistryError."""
    path = root / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Standing)
    except FileNotFoundError:
        return Standing()
    except (OSError, msgspec.DecodeError) as error:
        raise RegistryError(
            f"{path} can't be read ({error}); delete it and activate a version with `undertone models activate`"
        ) from error


@contextmanager
def changed_standing(root: Path) -> Iterator[Standing]:
    """Let the caller change it under the next number; it is written where nothing was raised."""
    with locked(root):
        standing = read_standing(root)
        standing.number += 1
        yield standing
        partial = root / f"{PARTIAL}{_FILE}"
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(standing)))
        put_in_place(partial, root / _FILE)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Let no other process change a registry's folder meanwhile."""
    with (root / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
