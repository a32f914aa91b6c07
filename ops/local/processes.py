"""Processes that outlive whoever started them, remembered in a file by number and time of birth.

The number alone would not do: it may belong to another program by the time we look again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

_children: dict[int, subprocess.Popen[bytes]] = {}  # started here: they are reaped when looked at
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it was started: `born` tells it from a later one of the same number."""

    pid: int
    born: str
    ports: Mapping[str, int]

    def alive(self) -> bool:
        """Whether it still runs; one that has ended and waits for its parent doesn't."""
        child = _children.get(self.pid)
        if child is not None and child.poll() is not None:
            del _children[self.pid]
        return born(self.pid) == self.born

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it has ended, even if another process gets its number meanwhile."""
        if not hasattr(os, "pidfd_open"):  # not on Linux
            if self.alive():
                os.kill(self.pid, number)
            return
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)  # of this very process, whatever its number is used for later
            try:
                if self.alive():
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end and say whether it came."""
        end = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_S)
        return True

    def save(self, path: Path) -> None:
        """Write it down, whole or not at all."""
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(path)


def start(command: Sequence[str], log: Path, ports: Mapping[str, int], environ: Mapping[str, str]) -> Process:
    """Start a process in a session of its own, so that no Ctrl-C of a terminal reaches it; it writes to `log`."""
    with open(log, "ab") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True, env={**os.environ, **environ},
        )  # fmt: skip
    _children[child.pid] = child
    return Process(child.pid, born(child.pid) or "ended", ports)


def load(path: Path) -> Process | None:
    """Read what `save` wrote, None where there is nothing that makes sense."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Process(int(found["pid"]), str(found["born"]), dict(found["ports"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def born(pid: int) -> str | None:
    """Return when a process began, None where it has ended. Linux counts from boot: no step of the clock alters it."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1:
            return None  # while other threads of it are ending, it may still hold its ports
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
            return f"{stat.read_text(encoding='utf-8', errors='replace').rpartition(')')[2].split()[19]} of {boot}"
        return str(process.create_time())
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
