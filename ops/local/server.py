"""What the three servers have in common: a folder, ports, a command line, a question that shows they are healthy."""

from __future__ import annotations

import signal
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

import psutil

from ops.errors import CommandFailed, DependencyAway
from ops.local import processes
from ops.local.processes import Process

HOST: Final = "127.0.0.1"
_GRACE_S: Final = 30.0
_POLL_S: Final = 0.2


class Server(ABC):
    """One server in a folder of its own. What it stores stays there when it is stopped."""

    name: ClassVar[str]

    def __init__(self, folder: Path, ports: Mapping[str, int], options: Mapping[str, str] | None = None) -> None:
        """Take its folder, its ports by purpose, and options for its configuration that win over ours."""
        self.folder, self.ports, self.options = folder.absolute(), dict(ports), dict(options or {})
        self.log = self.folder / f"{self.name}.log"
        self._record = self.folder / "process.json"

    @property
    @abstractmethod
    def address(self) -> str:
        """Where clients reach it, as the settings want it."""

    @abstractmethod
    def need(self) -> None:
        """Raise ConfigurationError where a program is missing that it runs with."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write its configuration into the folder and return its command line."""

    @abstractmethod
    def ask(self) -> None:
        """Ask it something that only a healthy server answers; any exception means that it isn't one (yet)."""

    def process(self) -> Process | None:
        """Return the process if it runs."""
        found = processes.load(self._record)
        return found if found is not None and found.alive() else None

    def recorded(self) -> bool:
        """Whether it was started and not stopped since; it may have ended by itself."""
        return self._record.exists()

    def start(self) -> bool:
        """Start it where it doesn't run; False where it does. It isn't healthy yet: see `wait`.

        Raises DependencyAway where one of its ports is taken, or where it runs on others.
        """
        running = self.process()
        if running is not None:
            if dict(running.ports) != self.ports:
                raise DependencyAway(
                    f"{self.name} runs on {_shown(running.ports)}, the settings say {_shown(self.ports)}; stop it first"
                )
            return False
        for purpose, port in self.ports.items():
            self._check_free(purpose, port)
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self.prepare()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        processes.start(command, self.log, self.ports, {}).save(self._record)
        return True

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until it is healthy.

        Raises DependencyAway with the end of its log where it has ended or doesn't get healthy in time.
        """
        end = time.monotonic() + timeout_s
        while True:
            ended = self.process() is None
            trouble = self.trouble()
            if trouble is None and not ended:
                return
            if ended or time.monotonic() > end:
                what = "has ended" if ended else f"isn't healthy after {timeout_s:.0f} s ({trouble})"
                raise DependencyAway(f"{self.name} {what}; the end of {self.log}:\n{self.tail(15)}")
            time.sleep(_POLL_S)

    def trouble(self) -> str | None:
        """Return why it isn't healthy, None if it is."""
        try:
            for port in self.ports.values():
                socket.create_connection((HOST, port), timeout=1.0).close()
            self.ask()
        except Exception as error:
            return f"{type(error).__name__}: {str(error).strip()}"
        return None

    def stop(self) -> bool:
        """End it in order; False where it didn't run."""
        return self.end(signal.SIGTERM)

    def end(self, number: signal.Signals, grace_s: float = _GRACE_S) -> bool:
        """End it by a signal and wait, by SIGKILL where it takes longer than `grace_s`; False where it didn't run.

        Raises CommandFailed where it can't be ended.
        """
        running = self.process()
        if running is not None:
            running.send(number)
            if not running.wait(grace_s):
                running.send(signal.SIGKILL)
                if not running.wait(_GRACE_S):
                    raise CommandFailed(f"{self.name}: process {running.pid} doesn't end, not even by SIGKILL")
        self._record.unlink(missing_ok=True)
        return running is not None

    def tail(self, lines: int) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _check_free(self, purpose: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise DependencyAway(
                    f"{self.name}: {HOST}:{port} ({purpose}) is taken by {_listener(port)}; stop that, or choose "
                    f"another port: setting local.{self.name}{'' if purpose == 'clients' else f'_{purpose}'}_port"
                ) from None


def _shown(ports: Mapping[str, int]) -> str:
    return ", ".join(f"{port} ({purpose})" for purpose, port in ports.items())


def _listener(port: int) -> str:
    try:
        for connection in psutil.net_connections("inet"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    except (psutil.Error, OSError):
        pass  # others' connections may be hidden from us
    return "another program"
