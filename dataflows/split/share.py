"""What one new feature process gets of the old ones: symbols, lanes, partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataflows.interfaces import Snapshot
from dataflows.split.rows_of_symbols import Deal


class NotRegroupable(ValueError):
    """The processes' states don't fit one another, or the new shares don't fit them."""


@dataclass(frozen=True, slots=True)
class Part:
    """An old process: what it held, and the partitions that its lanes are."""

    name: str
    snapshot: Snapshot
    partitions: tuple[int, ...]

    def of(self, station: str) -> Snapshot:
        """Return a station's state."""
        return dict(self.snapshot["stations"][station])

    @property
    def names(self) -> list[str]:
        """The symbols by id."""
        return list(self.of("gate")["universe"]["names"])


class Share:
    """The lanes of some partitions, and the symbols whose ticks lie in them."""

    def __init__(self, parts: Sequence[Part], homes: Sequence[list[int | None]], partitions: tuple[int, ...]) -> None:
        """Take `partitions`; `homes` are those of each part's symbols, None where there is no tick that counts."""
        self.parts = parts
        self.universe = parts[0].of("gate")["universe"]
        mine = {
            name: (k, i)
            for k, part in enumerate(parts)
            for i, name in enumerate(part.names)
            if homes[k][i] in partitions
        }
        # a configured list is everybody's, in its order; a symbol without a tick that counts has no state yet
        self.names = list(mine) if self.universe["auto"] else parts[0].names
        self.deal = Deal(tuple(mine.get(name, (-1, -1)) for name in self.names))
        self.lanes = [  # the old process and its lane, by new lane
            (k, part.partitions.index(p)) for p in partitions for k, part in enumerate(parts) if p in part.partitions
        ]
        self.sources = sorted({k for k, _ in self.lanes})  # the parts that lanes come from

    def of(self, station: str) -> list[Snapshot]:
        """Return a station's state in each part."""
        return [part.of(station) for part in self.parts]
