"""Numbers of a symbol's messages: what was seen before, and what is missing.

Cost:   a dictionary look-up and a comparison a message; O(holes) where a number is out of order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

REMEMBERED: Final = 64  # numbers of quotes, and holes, a symbol
RENUMBERED_NS: Final = 60_000_000_000  # a low number this much later than the highest is no repeat


@dataclass(slots=True)
class Hole:
    """Numbers first..last that are missing; their messages lie between two event times (ns)."""

    first: int
    last: int
    begin: int
    end: int
    since: int  # when it was found, by our clock (ns)
    declared: bool = False

    @property
    def missing(self) -> int:
        """How many."""
        return self.last - self.first + 1


@dataclass(slots=True)
class Contiguous:
    """Numbers that rise by one. A jump leaves a hole, which late ones may fill."""

    high: int = -1
    high_time: int = 0
    holes: list[Hole] = field(default_factory=list)

    def see(self, number: int, time: int, now: int) -> bool:
        """Take a message's number and event time; return whether it is new."""
        if number > self.high:
            self._rise(number, time, now, number - 1)
            return True
        if time > self.high_time + RENUMBERED_NS:
            self.holes.append(Hole(number, number - 1, self.high_time, time, now))  # how many were lost can't be known
            self.high, self.high_time = number, time
            return True
        return self._fill(number, time)

    def reach(self, number: int, time: int, now: int) -> None:
        """Take that all messages up to `number` were sent by `time`. Before the first message it says nothing."""
        if number > self.high >= 0:
            self._rise(number, time, now, number)

    def due(self, now: int, grace: int) -> Iterator[Hole]:
        """Yield, once, the holes that nothing filled for `grace` ns."""
        for hole in self.holes:
            if not hole.declared and now - hole.since >= grace:
                hole.declared = True
                yield hole
        while len(self.holes) > REMEMBERED and self.holes[0].declared:
            del self.holes[0]

    def _rise(self, number: int, time: int, now: int, missing_to: int) -> None:
        if 0 <= self.high < missing_to:
            self.holes.append(Hole(self.high + 1, missing_to, self.high_time, max(time, self.high_time), now))
        self.high, self.high_time = number, max(time, self.high_time)

    def _fill(self, number: int, time: int) -> bool:
        for at, hole in enumerate(self.holes):
            if hole.first <= number <= hole.last:
                left = Hole(hole.first, number - 1, hole.begin, max(time, hole.begin), hole.since, hole.declared)
                right = Hole(number + 1, hole.last, min(time, hole.end), hole.end, hole.since, hole.declared)
                self.holes[at : at + 1] = [part for part in (left, right) if part.first <= part.last]
                return True
        return False


@dataclass(slots=True)
class Recent:
    """Numbers that only differ: the last few are remembered."""

    numbers: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def see(self, number: int) -> bool:
        """Take a message's number; return whether it is new."""
        if number in self.numbers:
            return False
        self.numbers.append(number)
        return True


@dataclass(slots=True)
class Sequences:
    """The numbers of all symbols."""

    trades: dict[str, Contiguous] = field(default_factory=dict)
    quotes: dict[str, Recent] = field(default_factory=dict)

    def trade(self, symbol: str) -> Contiguous:
        """Return a symbol's trades."""
        return self.trades.setdefault(symbol, Contiguous())

    def quote(self, symbol: str) -> Recent:
        """Return a symbol's quotes."""
        return self.quotes.setdefault(symbol, Recent())

    def due(self, now: int, grace: int) -> Iterator[tuple[str, Hole]]:
        """Yield the holes to declare."""
        for symbol, trades in self.trades.items():
            if trades.holes:
                for hole in trades.due(now, grace):
                    yield symbol, hole

    def snapshot(self) -> dict[str, Any]:
        """Return all that has to be remembered, as JSON holds it."""
        return {
            "trades": {
                symbol: [
                    trades.high, trades.high_time,
                    [[h.first, h.last, h.begin, h.end, h.since, h.declared] for h in trades.holes],
                ]
                for symbol, trades in self.trades.items()
            },
            "quotes": {symbol: list(quotes.numbers) for symbol, quotes in self.quotes.items()},
        }  # fmt: skip

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Remember what a snapshot holds."""
        self.trades = {
            symbol: Contiguous(high, high_time, [Hole(*hole) for hole in holes])
            for symbol, (high, high_time, holes) in snapshot["trades"].items()
        }
        self.quotes = {
            symbol: Recent(deque(numbers, maxlen=REMEMBERED)) for symbol, numbers in snapshot["quotes"].items()
        }
