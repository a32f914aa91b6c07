"""The dataflow under test: `undertone run` as a process of its own, looked at through its metrics."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Final

import psutil

from benchmarks.live.processes import ROOT
from benchmarks.live.samples import Scrape, parse
from ops.errors import CommandFailed

START_S: Final = 90.0
_POLL_S: Final = 0.02
_COMMAND: Final = "from ops.cli import main; main()"


class Dataflow:
    """One life of the process."""

    def __init__(self, settings: list[str], port: int, log: Path) -> None:
        """Start `undertone run` with `section.key=value` settings; its metrics are on `port`."""
        self.port, self.log = port, log
        chosen = [part for setting in (*settings, f"metrics.port={port}") for part in ("--set", setting)]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, "run", *chosen], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, start_new_session=True,
            )  # fmt: skip
        # ends it should we be killed before we can: `read` fails where the pipe just closes
        guard = ["sh", "-c", f"read done || kill -9 {self.pid}"]
        self._guard = subprocess.Popen(guard, stdin=subprocess.PIPE, start_new_session=True)
        self.started_ns = time.time_ns()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def scrape(self) -> Scrape:
        """Return its metrics as they are now. Raises OSError while they can't be had."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10.0) as answer:
            return parse(answer.read().decode(), time.time_ns())

    def wait_ready(self) -> Scrape:
        """Wait until it reads its source. Raises CommandFailed where it ends before."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            self.check()
            try:
                found = self.scrape()
            except OSError:
                found = None
            if found is not None and found.has("source_lag_messages"):  # set at the first poll
                return found
            time.sleep(_POLL_S)
        raise CommandFailed(f"bench-live: the dataflow isn't ready after {START_S:g} s:\n{self.tail()}")

    def check(self) -> None:
        """Raise CommandFailed where it has ended."""
        if self._process.poll() is not None:
            raise CommandFailed(f"bench-live: the dataflow ended with {self._process.returncode}:\n{self.tail()}")

    def memory_mb(self) -> tuple[float, float]:
        """Return the resident MB of the process, and of the store's helper process beside it."""
        process = psutil.Process(self.pid)
        children = process.children(recursive=True)
        return process.memory_info().rss / 1e6, sum(child.memory_info().rss for child in children) / 1e6

    def busy_s(self) -> float:
        """Return the processor seconds that it has used, helpers included."""
        process = psutil.Process(self.pid)
        return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()
        self._release()

    def drain(self, timeout_s: float = 60.0) -> None:
        """SIGTERM, and wait for its end in good order; SIGKILL where that takes too long."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
            self._release()
        except subprocess.TimeoutExpired:
            self.kill()
            raise CommandFailed(f"bench-live: the dataflow didn't drain in {timeout_s:g} s:\n{self.tail()}") from None

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self.kill()
        self._release()

    def tail(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def _release(self) -> None:
        """Let the guard go: the process has ended, and its number may be another's soon."""
        if self._guard.poll() is None:
            self._guard.communicate(b"done\n")
