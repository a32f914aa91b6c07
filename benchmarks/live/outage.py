"""What happens when the dataflow goes: how soon it predicts again, and how fast it catches up."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.live.plan import RATE
from benchmarks.live.processes import Feed, ended
from benchmarks.live.results import Line
from benchmarks.live.session import Session, sleep_until
from ops.errors import CommandFailed

_BEFORE_S, _BEHIND_S = 8.0, 12.0  # of feed around a kill
_SETTLE_S = 900.0
_IN_TIME_S = 1.0  # behind the clock: the reorder bound, a heartbeat, and the pass


@dataclass(frozen=True)
class Kill:
    """A life that ended, and when the next one had read everything."""

    at_ns: int
    settled_ns: int

    def recovery_s(self, heard: dict[str, np.ndarray]) -> float | None:
        """Return the time from the kill to the first prediction that the subscriber hadn't had, None without one."""
        before = heard["stamp"] <= self.at_ns
        known = heard["sequence"][before].max(initial=0)
        new = heard["stamp"][~before & (heard["sequence"] > known)]
        return float((new.min() - self.at_ns) * 1e-9) if len(new) else None


def kill(session: Session) -> Kill:
    """Kill -9 the dataflow under a steady feed, start it again at once."""
    order = session.order(RATE, _BEFORE_S + _BEHIND_S)
    with session.pulse.stilled(), ended(Feed(order)) as feed:
        sleep_until(feed.start_ns + int(_BEFORE_S * 1e9))
        at = time.time_ns()
        session.dataflow.kill()
        session.start()
        session.dataflow.wait_ready()
        feed.result()
    _caught_up(session)  # heartbeats go on, so the watermark does
    return Kill(at, session.settle(_SETTLE_S).at_ns)


def recovery(killed: Kill, heard: dict[str, np.ndarray], tables: str) -> Line:
    """Return the line of a kill."""
    found = killed.recovery_s(heard)
    measured = "no new prediction was heard" if found is None else f"{found:.1f} s"
    return Line("kill -9 to the first new prediction", tables, measured, "10 s", {"seconds": found})


def catch_up(session: Session, seconds: float, tables: str) -> Line:
    """Let the dataflow miss so many seconds of feed, and measure how fast it catches up.

    The missed ticks follow what was fed before, so their event times run ahead of the clock; nothing behind the gate
    reads one.
    """
    with session.pulse.stilled():
        session.dataflow.drain()
        session.not_counted = session.fed  # the last checkpoint is behind all of it
        sent = session.backlog(RATE, seconds, time.time_ns())
        session.start()
        session.dataflow.wait_ready()
        first = time.time_ns()
        end = session.settle(_SETTLE_S).at_ns
    took, whole = (end - first) * 1e-9, (end - session.dataflow.started_ns) * 1e-9
    measured = (
        f"{seconds / took:.1f} times real time: {sent.ticks:,} ticks in {took:.0f} s ({sent.ticks / took:,.0f} "
        f"ticks/s); {whole:.0f} s with the start"
    )
    values = {"times": seconds / took, "seconds": took, "with_start_s": whole, "ticks_per_second": sent.ticks / took}
    return Line(f"catch-up after {seconds / 60:g} minutes at 25,000 ticks/s", tables, measured, "10 times", values)


def _caught_up(session: Session) -> None:
    """Wait until a resumed life is where the clock is, and find how many ticks it doesn't count."""
    until = time.monotonic() + _SETTLE_S
    while time.monotonic() < until:
        session.dataflow.check()
        found = session.dataflow.scrape()
        if found.of("batches_total") and found.of("watermark_lag_seconds") < _IN_TIME_S:
            session.not_counted = session.fed - found.of("ticks_read_total")
            return
        time.sleep(0.1)
    raise CommandFailed(f"bench-live: {_SETTLE_S:g} s behind a kill the dataflow is still behind the clock")
