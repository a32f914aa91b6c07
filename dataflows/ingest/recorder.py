"""What a venue sends becomes what is written: each message once, gap marks where some are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from dataflows.ingest.clock import VenueClock
from dataflows.ingest.outage import Outage
from dataflows.ingest.recovery import recover
from dataflows.ingest.rows import Rows
from dataflows.ingest.sequences import Hole, Sequences
from dataflows.ingest.target import Target
from dataflows.ingest.totals import Reporter, Totals
from dataflows.ingest.venue import Complaint, Pulse, Quote, Trade, Venue
from ops.log import logger
from schema.events import Event, EventKind

MILLISECOND: Final = 1_000_000  # ns
EXCERPT: Final = 200  # bytes of an unreadable message that are kept
_FUTURE: Final = 5_000 * MILLISECOND  # a time further ahead of the venue's clock moves nothing of ours


class Times(NamedTuple):
    """How long the recorder waits for what (ns)."""

    reorder: int = 500 * MILLISECOND  # for a missing number, before it counts as lost
    heartbeat: int = 1_000 * MILLISECOND  # of event time between two heartbeats that are written
    outage: int = 5_000 * MILLISECOND  # between two pieces of an outage that lasts


class Recorder:
    """Everything but the network. Times are ns: `now` by our clock (UTC), event times by the venue's.

    What comes first after a start, a lost connection or a stall ends a gap of all symbols, which begins with what was
    received last. While nothing comes the gap is written in pieces, each with a heartbeat at its end: the flow goes
    on, and each bar of that time is marked.
    """

    def __init__(self, venue: Venue, symbols: Sequence[str], target: Target, times: Times, now: int) -> None:
        """Go on where the target ends; `now` is when."""
        self.venue, self.target, self.times = venue, target, times
        self.totals = Totals()
        self.last_data = 0  # by our clock
        self._names = tuple(symbols)
        self._asked = frozenset(symbols)
        self._rows, self._events, self._unreadable = Rows(self._names), list[Event](), list[bytes]()
        self._clock, self._sequences = VenueClock(), Sequences()
        self._newest = self._known_until = recover(target.tail(), self._sequences, self._clock)
        self._beat, self._received = self._newest, now  # of the newest heartbeat, of what came last by our clock
        self._outage: Outage | None = None
        self._reporter = Reporter(self.totals)
        self._lag: int | None = None  # of the newest tick, ns
        target.remember(self._state)
        self._away("start", now)

    def take(self, raw: bytes, now: int) -> str | None:
        """Take one message; return what the venue complains about, if it does."""
        self.totals.messages += 1
        try:
            messages = self.venue.parse(raw)
        except (ValueError, RecursionError) as error:
            self._refuse(raw, f"{type(error).__name__}: {error}", now)
            return None
        complaint = None
        for message in messages:
            if isinstance(message, Complaint):
                self.totals.complaints += 1
                complaint = message.text
            elif isinstance(message, Pulse):
                self._pulse(message, now)
            elif message.symbol in self._asked:
                self._tick(message, now)
            else:
                self._refuse(raw, f"symbol {message.symbol[:64]!r}, which wasn't asked for", now)
        return complaint

    def lost(self, reason: str, now: int) -> None:
        """Take that the connection is gone: what is missing by now will not come."""
        self.totals.lost[reason] += 1
        self._declare(now, 0)
        self._away(reason, now)
        self.flush(connected=False)

    def pause(self, now: int, connected: bool) -> None:
        """Do what time asks for, and write. Called every few milliseconds."""
        self._declare(now, self.times.reorder)
        outage = self._outage
        if outage is not None and now - outage.marked_at >= self.times.outage:
            end = self._mark_outage(outage, self._clock.at(now), now)
            self._heartbeat(end, now)
        self.flush(connected)
        self.target.idle()

    def flush(self, connected: bool) -> None:
        """Write what was collected, and with it, now and then, how far the feed has come."""
        if self._newest - self._beat >= self.times.heartbeat:
            self._heartbeat(self._newest, self._received)
        if len(self._rows) or self._events or self._unreadable:
            ticks, events, unreadable = self._rows.take(), self._events, self._unreadable
            self._events, self._unreadable = [], []
            self.target.write(ticks, self._names, events, unreadable)
        self._reporter.report(self._lag, connected)
        self._lag = None

    def drain(self, now: int) -> None:
        """Write all there is, the holes too that may still have been filled."""
        self._declare(now, 0)
        self.flush(connected=False)
        self.target.close()

    def _tick(self, message: Trade | Quote, now: int) -> None:
        if isinstance(message, Trade):
            trades = self._sequences.trade(message.symbol)
            old = trades.high < 0 and message.time <= self._known_until  # a venue may begin with its last trade
            new = trades.see(message.number, message.time, now) and not old
        else:
            new = self._sequences.quote(message.symbol).see(message.number)
        time = message.time or self._clock.at(now)
        self._alive(time, now)
        if not new:
            self.totals.duplicates += 1
            return
        if message.time:
            self._clock.saw(message.time, now)
            self._lag = now - message.time
        if isinstance(message, Trade):
            self._rows.trade(message, now)
            self.totals.trades += 1
        else:
            self._rows.quote(message, time, now)
            self.totals.quotes += 1
        self._reach(time, now)

    def _pulse(self, pulse: Pulse, now: int) -> None:
        self._alive(pulse.time, now)
        self._clock.saw(pulse.time, now)
        if pulse.symbol in self._asked:
            self._sequences.trade(pulse.symbol).reach(pulse.last_trade, pulse.time, now)
        self._reach(pulse.time, now)

    def _heartbeat(self, time: int, now: int) -> None:
        """Say on every lane and partition that the feed has come this far: a quiet one would hold the others back."""
        self._rows.heartbeat(time, now)
        self.totals.heartbeats += 1
        self._newest = self._beat = max(self._newest, time)

    def _reach(self, time: int, now: int) -> None:
        if self._newest < time <= self._clock.at(now) + _FUTURE:
            self._newest, self._received = time, now

    def _alive(self, time: int, now: int) -> None:
        """Take that the feed is there: it ends an outage, up to now by the venue's clock."""
        self.last_data = now
        if self._outage is not None:
            outage, self._outage = self._outage, None
            self._mark_outage(outage, max(self._clock.at(now), min(time, now + _FUTURE)), now)

    def _away(self, reason: str, now: int) -> None:
        """Begin an outage unless one runs, or nothing was ever received. Messages may have overtaken each other."""
        if self._outage is None and self._newest:
            self._outage = Outage(self._newest - self.times.reorder, reason, now)

    def _mark_outage(self, outage: Outage, time: int, now: int) -> int:
        begin, end = outage.piece(time, now)
        for symbol in self._names:
            self._mark(symbol, begin, end, outage.reason)
        return end

    def _declare(self, now: int, grace: int) -> None:
        for symbol, hole in self._sequences.due(now, grace):
            self._mark_hole(symbol, hole)

    def _mark_hole(self, symbol: str, hole: Hole) -> None:
        self.totals.missing += hole.missing
        self._mark(symbol, hole.begin, hole.end, "sequence", first=hole.first, last=hole.last)

    def _mark(self, symbol: str, begin: int, end: int, reason: str, **more: Any) -> None:
        self.totals.gaps[reason] += 1
        details = {"begin": begin, "end": end, "reason": reason, **more}
        self._events.append(Event(begin, EventKind.GAP, symbol, details=details))

    def _refuse(self, raw: bytes, found: str, now: int) -> None:
        """Keep an excerpt of a message that is none, as one that no reader can take for a tick."""
        self.totals.unreadable += 1
        if self.totals.unreadable <= 10:
            logger("ingest").warning("unreadable message", venue=self.venue.name, found=found[:200])
        excerpt = raw[:EXCERPT].decode(errors="backslashreplace")
        body = {"unreadable": excerpt, "found": found[:EXCERPT], "ts_event": self._clock.at(now), "ts_recv": now}
        self._unreadable.append(msgspec.json.encode(body))

    def _state(self) -> dict[str, Any]:
        return {"newest": self._newest, "sequences": self._sequences.snapshot()}
