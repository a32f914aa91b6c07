"""Splits and dividends as the stations apply them: at a time, to a symbol, by a ratio.

A split of ratio r makes r shares of one: prices are divided by r and sizes multiplied. A dividend is taken as
reinvested at the last price before it, P: as a split of P / (P - amount).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dataflows.universe import Universe
from schema.events import Event, EventKind
from schema.ticks import NO_SYMBOL

# What takes effect between ticks at the order station: it says whose ticks are whose, and what prices to expect.
TIMED: Final = frozenset({EventKind.SPLIT, EventKind.DIVIDEND, EventKind.RENAMED, EventKind.LISTED})
IGNORED: Final = "ignored"  # in the details of a stored event: why nothing came of it
RATIO: Final = "ratio"
TO: Final = "to"  # of a rename: the new name
_NAMES: Final = {EventKind.SPLIT: RATIO, EventKind.DIVIDEND: "amount"}  # of the number that each brings


@dataclass(frozen=True, slots=True)
class Action:
    """One split or dividend of a known symbol."""

    time: int  # ns UTC: ticks from then on are in the new units
    symbol: int
    kind: EventKind
    number: float  # ratio of a split, cash a share of a dividend

    def ratio_at(self, price: float) -> float:
        """Return what prices are divided by, given the last one before it; 1 where there is none to divide.

        So it is for a dividend of no less than the price.
        """
        if self.kind is EventKind.SPLIT:
            return self.number
        return price / (price - self.number) if self.number < price < math.inf else 1.0


def actions_of(events: Sequence[Event], universe: Universe) -> Iterator[Action]:
    """Yield the splits and dividends among events in order of time, of symbols that are known and with numbers."""
    for event in events:
        if event.kind in _NAMES and not complaint(event, universe):
            yield action_of(event, universe)


def action_of(event: Event, universe: Universe) -> Action:
    """Return what a split or dividend does that has nothing to complain of."""
    symbol, number = universe.series(event.symbol, event.ts_event), float(event.details[_NAMES[event.kind]])
    return Action(event.ts_event, symbol, event.kind, number)


def complaint(event: Event, universe: Universe) -> str:
    """Return why a split or dividend can't be applied, empty where it can."""
    name = _NAMES[event.kind]
    number = event.details.get(name)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number < math.inf:
        return f"details.{name} is {number!r}, expected a number above 0"
    return nothing_shown(event) if universe.series(event.symbol, event.ts_event) == NO_SYMBOL else ""


def nothing_shown(event: Event) -> str:
    """Say that the event's symbol has no price yet that it could change."""
    return f"symbol {event.symbol!r} has shown nothing yet"


def told(event: Event, **found: Any) -> Event:
    """Return the event as it is stored: with what was found when it took effect, this time."""
    kept = {name: value for name, value in event.details.items() if name != IGNORED}
    return replace(event, details={**kept, **found})


def ignored(event: Event, why: str) -> Event:
    """Return the event as it is stored where nothing comes of it."""
    return told(event, ignored=why)
