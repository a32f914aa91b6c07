"""The three servers as the settings describe them, started and stopped together."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ops.errors import CommandError, DependencyAway, UsageError
from ops.local.kafka import Kafka
from ops.local.questdb import QuestDb
from ops.local.redis import Redis
from ops.local.server import Server
from ops.settings import Settings

NAMES: Final = ("kafka", "questdb", "redis")


def servers(settings: Settings, names: Iterable[str] = ()) -> list[Server]:
    """Return the servers of these names, all where none is given.

    Raises UsageError where a name is none of NAMES.
    """
    wanted = list(names) or list(NAMES)
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        raise UsageError(f"{', '.join(unknown)}: no such server, expected {', '.join(NAMES)}")
    local = settings.local
    known: list[Server] = [
        Kafka(local.folder / "kafka", {"clients": local.kafka_port, "controller": local.kafka_controller_port}),
        QuestDb(
            local.folder / "questdb",
            {"http": local.questdb_http_port, "pg": local.questdb_pg_port, "ilp": local.questdb_ilp_port},
        ),
        Redis(local.folder / "redis", {"clients": local.redis_port}),
    ]
    return [server for server in known if server.name in wanted]


def up(chosen: Sequence[Server], timeout_s: float) -> list[str]:
    """Start those that don't run, wait until all are healthy, return the names of those that were started.

    Raises the first server's CommandError after the others were tried; those that are healthy stay.
    """
    started: list[str] = []
    running: list[Server] = []
    errors: list[CommandError] = []
    for server in chosen:
        try:
            if server.start():
                started.append(server.name)
            running.append(server)
        except CommandError as error:
            errors.append(error)
    for server in running:
        try:
            server.wait(timeout_s)
        except CommandError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else type(errors[0])("\n".join(map(str, errors)))
    return started


def down(chosen: Sequence[Server]) -> list[str]:
    """Stop those that run, the last first, and return their names."""
    return [server.name for server in reversed(chosen) if server.stop()]


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Keep a second `up` or `down` of the same folder away while the block runs.

    Raises DependencyAway where one is at work.
    """
    folder = settings.local.folder
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DependencyAway(f"{folder}: another up or down is at work there; try again when it is done") from None
        yield
