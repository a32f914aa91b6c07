"""`python -m ops.local`: Kafka, QuestDB and Redis on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from ops.local import jars, stack
from ops.local.server import Server
from ops.settings import Settings
from ops.tables import print_json, print_table


def up(settings: Settings, *, json: bool, names: Sequence[str], timeout_s: float) -> int:
    """Start and wait. Raises CommandError where one doesn't get healthy."""
    chosen = stack.servers(settings, names)
    with stack.only_one(settings):
        started = stack.up(chosen, timeout_s)
    if json:
        print_json({"started": started, "servers": [_described(server) for server in chosen]})
    else:
        for server in chosen:
            print(f"{server.name}: {'started' if server.name in started else 'was up'}, {server.address}")
    return 0


def down(settings: Settings, *, json: bool, names: Sequence[str]) -> int:
    """Stop what runs."""
    chosen = stack.servers(settings, names)
    with stack.only_one(settings):
        stopped = stack.down(chosen)
    if json:
        print_json({"stopped": stopped})
    else:
        for server in chosen:
            print(f"{server.name}: {'stopped' if server.name in stopped else 'was not running'}")
    return 0


def status(settings: Settings, *, json: bool, names: Sequence[str]) -> int:
    """Print the state of each; 75 where one isn't healthy."""
    found = [_described(server) for server in stack.servers(settings, names)]
    if json:
        print_json({"servers": found})
    else:
        columns = ("name", "state", "pid", "address", "ports", "log")
        print_table(columns, [tuple(str(row[column]) for column in columns) for row in found])
    return 0 if all(row["state"] == "healthy" for row in found) else 75


def logs(settings: Settings, *, json: bool, names: Sequence[str], lines: int) -> int:
    """Print the end of each log."""
    chosen = stack.servers(settings, names)
    if json:
        print_json({server.name: server.tail(lines).splitlines() for server in chosen})
    else:
        for server in chosen:
            print(f"== {server.name}: {server.log}\n{server.tail(lines)}")
    return 0


def fetch(settings: Settings, *, json: bool) -> int:
    """Fetch the jars. Raises CommandError where they can't be had."""
    place = jars.fetch()
    if json:
        print_json({"folder": str(place)})
    else:
        print(place)
    return 0


def _described(server: Server) -> dict[str, object]:
    process = server.process()
    state = "down"
    if process is not None:
        trouble = server.trouble()
        state = "healthy" if trouble is None else f"not healthy: {trouble}"
    elif server.recorded():
        state = "ended by itself"
    return {
        "name": server.name,
        "state": state,
        "pid": process.pid if process else None,
        "address": server.address,
        "ports": ", ".join(f"{purpose} {port}" for purpose, port in server.ports.items()),
        "log": str(server.log),
    }
