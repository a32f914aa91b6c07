"""The symbols a process knows, each by a small number, and what they are called when."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.renames import Renames
from schema.events import Decision, DecisionKind
from schema.ticks import NO_SYMBOL, Float64, Int32

MAX_NAME: Final = 64  # characters of a name that may be admitted


class Universe:
    """Symbols in the order they got their ids; ids never change and are never used again.

    With a list, these symbols and no other. With None ("auto") unknown symbols are admitted as they appear, up to
    `cap`; what is refused leaves no trace here, so a flood of unknown symbols can't grow it. A new name of a known
    symbol is one more of them; whose it is when, `renames` says (docs/adr/0028-renames.md).
    """

    def __init__(
        self, symbols: Sequence[str] | None = None, cap: int = 1000, leaders: Sequence[str] = (),
        follows_renames: bool = True,
    ) -> None:  # fmt: skip
        """Raise ValueError for a list with repeats, unusable names, or more symbols than `cap`.

        `leaders` are the names that cross-section features compare the others with, known or not. A process that
        sees some partitions only doesn't follow renames: the new name may be in another one.
        """
        self.auto = symbols is None
        self.follows_renames = follows_renames
        self.renames = Renames()
        self._announced: dict[str, list[str]] = {}  # by a name that isn't known yet: names that it will get
        self.cap = cap
        self.leaders = list(leaders)
        self.names: list[str] = []
        self._ids: dict[str, int] = {}
        self._rank: Int32 | None = None
        self._set(list(symbols or []))

    def __len__(self) -> int:
        """Return how many symbols are known."""
        return len(self.names)

    @property
    def rank(self) -> Int32:
        """Position of each id (array index) among the names in sorted order."""
        if self._rank is None:
            self._rank = _ranks(self.names)
        return self._rank

    @property
    def full(self) -> bool:
        """Whether no symbol can be admitted any more."""
        return not self.auto or len(self.names) >= self.cap

    def ids(self, names: Sequence[str]) -> Int32:
        """Return the id of each name, -1 where it is unknown. Admits nothing."""
        known = self._ids
        return np.fromiter((known.get(name, NO_SYMBOL) for name in names), np.int32, len(names))

    def id_of(self, name: str) -> int:
        """Return the id of one name, NO_SYMBOL where it is unknown."""
        return self._ids.get(name, NO_SYMBOL)

    def series(self, name: str, time: int) -> int:
        """Return the series that an event at `time` (ns UTC) speaks of, NO_SYMBOL where there is none.

        At a rename's own time both names do.
        """
        known = self.id_of(name)
        if known == NO_SYMBOL or not self.renames:
            return known
        now = self.renames.series(known, time)
        return now if now != NO_SYMBOL else self.renames.series(known, time - 1)

    def lots(self, symbol: Int32) -> Float64:
        """Return a number in [0, 1) of each id (n,), made from its name: it splits symbols between models."""
        of = {k: zlib.crc32(self.names[k].encode(errors="replace")) / 2**32 for k in np.unique(symbol).tolist()}
        return np.array([of[k] for k in symbol.tolist()])

    def admit(self, name: str, time: int) -> Decision | None:
        """Give an unknown symbol, first seen at `time` (ns UTC), the next id; None where it is refused."""
        if self.full or name in self._ids or not usable(name):
            return None
        self._ids[name] = len(self.names)
        self.names.append(name)
        self._rank = None
        return Decision(time, DecisionKind.ADMIT, name, details={"id": self._ids[name]})

    def announce(self, old: str, new: str) -> None:
        """Let a new name be admitted together with the old one, or by `announced` where that is known."""
        if not self.full and self.follows_renames and new not in self._announced.setdefault(old, []):
            self._announced[old].append(new)

    def announced(self, old: str, time: int) -> list[Decision]:
        """Admit the names that a known symbol was announced to get, and those that these will get."""
        made = []
        for new in self._announced.pop(old, ()):
            decision = self.admit(new, time)
            made += [] if decision is None else [decision]
            made += self.announced(new, time) if new in self._ids else []
        return made

    def snapshot(self) -> Snapshot:
        """Return the names by id, and who was called what when."""
        return {
            "names": list(self.names), "auto": self.auto, "leaders": list(self.leaders),
            "renames": self.renames.snapshot(), "announced": {old: list(new) for old, new in self._announced.items()},
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        """Take over the names of a snapshot. Raises ValueError where a configured list or leader says otherwise."""
        names = [str(name) for name in snapshot["names"]]
        if not self.auto and names != self.names:
            raise ValueError(
                f"universe: the checkpoint has the symbols {names[:10]}, this run is configured with "
                f"{self.names[:10]}; resume with the symbols it was started with, or start without the checkpoint"
            )
        leaders = [str(name) for name in snapshot.get("leaders", [])]
        if leaders != self.leaders:
            raise ValueError(
                f"universe: the checkpoint has the leaders {leaders}, this run is configured with {self.leaders}; "
                "resume with the leaders it was started with, or start without the checkpoint"
            )
        self._set(names)
        self.renames.restore(snapshot["renames"])
        self._announced = {old: [str(name) for name in new] for old, new in snapshot["announced"].items()}

    def _set(self, names: list[str]) -> None:
        unusable = [name for name in names if not usable(name)]
        if unusable or len(set(names)) != len(names) or len(names) > self.cap:
            raise ValueError(
                f"universe: {len(names)} symbols, {len(set(names))} different, unusable {unusable[:5]}; expected at "
                f"most {self.cap} different names of 1 to {MAX_NAME} printable characters"
            )
        self.names = names
        self._ids = {name: k for k, name in enumerate(names)}
        self._rank = None


def usable(name: str) -> bool:
    """Return whether a name may be admitted: 1 to MAX_NAME printable characters, no blank at its ends."""
    return 0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip()


def _ranks(names: list[str]) -> Int32:
    """Position of each id by sorted name."""
    ranks = np.empty(len(names), np.int32)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names), dtype=np.int32)
    return ranks
