"""Renames as they take effect: which can't be followed, and why; all those of one time at once.

So a swap (A to B and B to A at one time) and a chain (A to B, B to C) are what they say. A name that trades is nobody
else's: such a rename is ignored, since two histories can't be one.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.stations.actions import TO, ignored, nothing_shown, told
from dataflows.universe import Universe, usable
from schema.events import Event, EventKind
from schema.ticks import NO_SYMBOL, Bool


def renamed(events: Sequence[Event], universe: Universe, shown: Bool) -> list[Event]:
    """Let the renames among the events of one time take effect, then the listings; return all as they are stored.

    `shown` (S,) says which series have had a tick.
    """
    moves = {k: event for k, event in enumerate(events) if event.kind is EventKind.RENAMED}
    refused: dict[int, str] = {}
    while why := _complaints({k: event for k, event in moves.items() if k not in refused}, universe, shown):
        refused |= why  # which may take the way from another: who was to give a name up keeps it
    kept = [event for k, event in moves.items() if k not in refused]
    if kept:
        pairs = {universe.id_of(event.symbol): universe.id_of(event.details[TO]) for event in kept}
        universe.renames.move(pairs, events[0].ts_event)
    stored = [ignored(event, refused[k]) if k in refused else event for k, event in enumerate(events)]
    return [_listed(event, universe) if event.kind is EventKind.LISTED else event for event in stored]


def _listed(event: Event, universe: Universe) -> Event:
    """Give a name that was given up to a new listing; any other listing is only stored."""
    name = universe.id_of(event.symbol)
    if name == NO_SYMBOL or not universe.renames.is_closed(name, event.ts_event):
        return event
    universe.renames.list_anew(name, event.ts_event)
    return told(event, anew=True)


def _complaints(moves: dict[int, Event], universe: Universe, shown: Bool) -> dict[int, str]:
    """Return why some of the renames can't be, given that the others are."""
    found, given_up, taken = {}, {event.symbol for event in moves.values()}, set()
    seen: set[str] = set()
    for k, event in moves.items():
        why = _complaint(event, universe, shown)
        new = str(event.details.get(TO))
        if not why and event.symbol in seen:
            why = f"symbol {event.symbol!r} is renamed twice at one time"
        elif not why and new in taken:
            why = f"another symbol is called {new!r} from this time on"
        elif not why and new not in given_up and _lives(new, event.ts_event, universe, shown):
            why = f"a symbol {new!r} trades: two series can't have one name"
        if why:
            found[k] = why
        else:
            seen.add(event.symbol)
            taken.add(new)
    return found


def _complaint(event: Event, universe: Universe, shown: Bool) -> str:
    """Return why a rename can't be, whatever else happens at its time."""
    old, new = event.symbol, event.details.get(TO)
    if not universe.follows_renames:
        return "a process of the split topology sees some partitions only; run fused, or begin anew with the new name"
    if not isinstance(new, str) or not usable(new) or new == old:
        return f"details.{TO} is {new!r}, expected another name of at most 64 printable characters"
    if not _lives(old, event.ts_event, universe, shown):
        return nothing_shown(event)
    if universe.id_of(new) == NO_SYMBOL:
        missing = (
            "the universe is full (universe.cap)" if universe.auto else "list it in universe.symbols from the start"
        )
        return f"symbol {new!r} is unknown: {missing}"
    return ""


def _lives(name: str, time: int, universe: Universe, shown: Bool) -> bool:
    """Return whether the name is that of a series that has had a tick."""
    known = universe.id_of(name)
    series = NO_SYMBOL if known == NO_SYMBOL else universe.renames.series(known, time)
    return series != NO_SYMBOL and bool(shown[series])
