"""Named places where a life can be ended by SIGKILL, planted from outside: production code knows none of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from dataflows.certificate import Certifier
from dataflows.checkpoints import checkpoint
from dataflows.checkpoints import file as checkpoint_file
from dataflows.pipeline import Pipeline
from dataflows.sinks.questdb.store import QuestDbStore
from dataflows.sinks.sqlite import SqliteStore, Tables
from dataflows.sinks.station import Sinks
from dataflows.split.publisher import Publisher
from dataflows.stations.bars import BarStation


class Plan(NamedTuple):
    """End a life when `point` is reached for the n-th time in it."""

    point: str
    n: int = 1

    @staticmethod
    def parse(text: str) -> Plan:
        """Read `point:n`."""
        point, _, n = text.partition(":")
        if point not in POINTS:
            raise ValueError(f"kill point {point!r}: expected one of {', '.join(POINTS)}")
        return Plan(point, int(n or 1))


Die = Callable[[], None]


def die() -> None:
    """End this process as the kernel's out-of-memory killer would: nothing is flushed, nothing is closed."""
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    inner = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: around(inner, *given, **named))


def before(owner: Any, name: str) -> Callable[[Die], None]:
    """Reach the point as `owner.name` is called."""

    def plant(reached: Die) -> None:
        def around(inner: Callable[..., Any], *given: Any, **named: Any) -> Any:
            reached()
            return inner(*given, **named)

        _wrap(owner, name, around)

    return plant


def after(owner: Any, name: str) -> Callable[[Die], None]:
    """Reach the point as `owner.name` has returned something."""

    def plant(reached: Die) -> None:
        def around(inner: Callable[..., Any], *given: Any, **named: Any) -> Any:
            result = inner(*given, **named)
            if result is not None or name != "pull":
                reached()
            return result

        _wrap(owner, name, around)

    return plant


def half_written(reached: Die) -> None:
    """Reach the point when half of a checkpoint's arrays are in the file."""

    def around(inner: Callable[..., Any], file: Any, header: bytes, body: Sequence[memoryview]) -> None:
        whole = b"".join(body)
        inner(file, header, [memoryview(whole)[: len(whole) // 2]])
        file.flush()
        reached()
        file.write(whole[len(whole) // 2 :])

    _wrap(checkpoint_file, "_write_parts", around)


def while_draining(point: Callable[[Die], None], polls: int = 40) -> Callable[[Die], None]:
    """Ask for a drain by SIGTERM after some polls, and reach `point` only behind that."""

    def plant(reached: Die) -> None:
        polled, asked = 0, False

        def ask() -> None:
            nonlocal polled, asked
            polled += 1
            if polled == polls:
                asked = True
                os.kill(os.getpid(), signal.SIGTERM)

        after(Pipeline, "pull")(ask)
        point(lambda: reached() if asked else None)

    return plant


Points = dict[str, Callable[[Die], None]]
SQLITE: Points = {
    "rows appended": before(SqliteStore, "commit"),
    "store transaction open": after(Tables, "_insert"),
    "store written, not acknowledged": after(Tables, "write"),
}
QUESTDB: Points = {
    "rows appended": before(QuestDbStore, "commit"),
    "rows handed to the spool": after(QuestDbStore, "commit"),
}
EVERYWHERE: Points = {
    "polled": after(Pipeline, "pull"),
    "decision not recorded": before(Sinks, "record"),
    "decision recorded, not applied": after(Sinks, "record"),
    "checkpoint half written": half_written,
    "checkpoint durable, not counting": after(checkpoint_file, "write"),
    "checkpoint counts, older ones there": before(checkpoint.Checkpoints, "_prune"),
    "half restored": after(BarStation, "restore"),
    "drain asked, last cut not begun": while_draining(before(Pipeline, "finish")),
    "drain's last checkpoint half written": while_draining(half_written),
}
POINTS: Points = {**SQLITE, **EVERYWHERE}
FUSED: Points = {**QUESTDB, **EVERYWHERE}
DECISIONS: Final = ("decision not recorded", "decision recorded, not applied")
FEATURES: Points = {
    **{name: point for name, point in FUSED.items() if name not in DECISIONS},
    "feature rows queued, not delivered": after(Publisher, "step"),
}
INFERENCE: Points = {**FUSED, "half restored": before(Certifier, "restore")}  # behind the join and the models


def plant(plan: Plan, then: Die = die, points: Points = POINTS) -> None:
    """Wrap what the point is in; call `then` when it is reached for the n-th time."""
    reached = 0

    def count() -> None:
        nonlocal reached
        reached += 1
        if reached == plan.n:
            then()

    points[plan.point](count)
