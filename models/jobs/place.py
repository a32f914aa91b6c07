"""Which machine this is, as far as process numbers mean something."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import psutil

from models.jobs.record import Process
from ops.local.processes import born


@cache
def here() -> str:
    """Return a name that two machines never share, nor two containers of one: a boot, and a space of process numbers.

    Host names won't do: two machines called `localhost` would each take the other's processes for dead.
    """
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():  # not on Linux
        return f"{socket.gethostname()}:{psutil.boot_time():.0f}"
    return f"{boot.read_text(encoding='ascii').strip()}:{os.readlink('/proc/self/ns/pid')}"


def this_process() -> Process:
    """Return the process that calls."""
    return Process(here(), os.getpid(), born(os.getpid()) or "")


def has_ended(process: Process) -> bool:
    """Return whether a process surely runs no more; False of one of another machine."""
    return process.place == here() and born(process.pid) != process.born
