"""Real servers for tests: the session's, shared by all tests, and private ones that a test may kill.

    def test_what_is_published_arrives(redis_server: str) -> None: ...        # fixtures: kafka, questdb, redis_server

    with running_questdb(tmp_path) as server:   # or running_kafka, running_redis
        server.kill()                           # SIGKILL; stop() ends it in order, pause() and resume() freeze it
        server.start()                          # the same folder and ports; returns when it is healthy

They listen on free ports of the loopback. Where their programs are missing a test is skipped, under CI it fails.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.errors import CommandError
from ops.local import jars
from ops.local.kafka import Kafka
from ops.local.programs import find, find_java
from ops.local.questdb import QuestDb as QuestDbServer
from ops.local.redis import Redis
from ops.local.server import Server

_HEALTHY_S = 120.0  # on a loaded machine
_PORTS = range(15_000, 32_000)  # below those that the system deals to clients, so that none takes them over a restart


class QuestDb(NamedTuple):
    """Where a QuestDB listens."""

    host: str
    http: int
    pg: int

    @property
    def url(self) -> str:
        """Setting store.url."""
        return f"questdb://{self.host}:{self.http}"


class Running:
    """A server of a test's own. Whatever ends it, its folder and ports stay the same."""

    def __init__(self, server: Server) -> None:
        """Take a server that hasn't started."""
        self.server, self.address, self.ports = server, server.address, server.ports
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process; AssertionError where it doesn't run."""
        process = self.server.process()
        assert process is not None, f"{self.server.name} doesn't run; the end of its log:\n{self.server.tail(15)}"
        return process.pid

    @property
    def questdb(self) -> QuestDb:
        """Its ports, if it is a QuestDB."""
        return QuestDb("127.0.0.1", self.ports["http"], self.ports["pg"])

    def start(self) -> None:
        """Start it, or let it go on if it was paused, and wait until it is healthy."""
        self.resume()
        if self.server.start():
            self._release()
            # ends the server should this process be killed before it can: `read` fails where the pipe just closes
            command = ["sh", "-c", f"read done || kill -9 {self.pid}"]
            self._guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self.server.wait(_HEALTHY_S)

    def kill(self) -> None:
        """SIGKILL; AssertionError where it didn't run, so that no test relies on a fault that did not happen."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait; AssertionError where it didn't run."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: its connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; nothing happens where it doesn't run."""
        process = self.server.process()
        if process is not None:
            process.send(signal.SIGCONT)

    def close(self) -> None:
        """End it at the end of a test, whatever state it is in."""
        self.server.end(signal.SIGKILL)
        self._release()

    def _end(self, number: signal.Signals) -> None:
        assert self.pid
        self.resume()
        self.server.end(number)
        self._release()

    def _release(self) -> None:
        if self._guard is not None:
            self._guard.communicate(b"done\n")
            self._guard = None


@contextmanager
def running_kafka(folder: Path, ports: Mapping[str, int] | None = None, **options: str) -> Iterator[Running]:
    """Run a Kafka in `folder`; options are broker properties with `_` for `.`, e.g. `log_retention_ms="1000"`.

    `ports` are those of its clients and its controller; free ones unless they are given.
    """
    properties = {name.replace("_", "."): value for name, value in options.items()}
    with _running(Kafka(folder, ports or free_kafka_ports(), properties)) as server:
        yield server


@contextmanager
def running_questdb(folder: Path, **options: str) -> Iterator[Running]:
    """Run a QuestDB in `folder`; options are those of server.conf with `_` for `.`."""
    properties = {name.replace("_", "."): value for name, value in options.items()}
    with _running(QuestDbServer(folder, _ports("http", "pg", "ilp"), properties)) as server:
        yield server


@contextmanager
def running_redis(folder: Path, **options: str) -> Iterator[Running]:
    """Run a Redis in `folder`; options are those of redis.conf with `_` for `-`."""
    properties = {name.replace("_", "-"): value for name, value in options.items()}
    with _running(Redis(folder, _ports("clients"), properties)) as server:
        yield server


@contextmanager
def _running(server: Server) -> Iterator[Running]:
    need(server.name)
    running = Running(server)
    try:
        running.start()
        yield running
    finally:
        running.close()


def need(name: str) -> None:
    """Skip the test where a server's programs are missing; fail it under CI, which installs them."""
    try:
        if name == "redis":
            find("redis-server")
        else:
            find_java()
            jars.fetch()
    except CommandError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{name} can't be started: {error}")
        pytest.skip(f"{name} can't be started: {error}")


def free_kafka_ports() -> Mapping[str, int]:
    """Return free ports for a Kafka's clients and controller."""
    return _ports("clients", "controller")


def _ports(*purposes: str) -> Mapping[str, int]:
    return dict(zip(purposes, free_ports(len(purposes)), strict=True))


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that nobody listens on now, and that no client will be given."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"{_PORTS} has no {count} free ports")
