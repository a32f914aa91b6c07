"""Start a dataflow again when it fails: with back-off, not for ever, and never where it would not help."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ops.drain import Drain
from ops.log import logger

AWAY: Final = 75  # a dependency is away: worth waiting for, however long
HOPELESS: Final = (2, 78)  # usage, configuration or schema: the same start fails again
_LOOK_EVERY: Final = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to wait between two lives, and when to give up."""

    first_s: float
    longest_s: float
    failures: int  # that are too many
    window_s: float  # within so many seconds; a life longer than that begins the back-off anew


class Supervisor:
    """Runs `command(restarts)` until it ends in good order, is asked to drain, can't be helped or fails too often."""

    def __init__(
        self, command: Callable[[int], Sequence[str]], policy: Policy, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing starts yet."""
        self.command, self.policy, self.clock = command, policy, clock
        self.restarts = 0
        self._failed: deque[float] = deque()
        self._wait = policy.first_s

    def run(self, drain: Drain) -> int:
        """Supervise in this thread; return the exit code to leave with."""
        log = logger("supervisor")
        while True:
            began = self.clock()
            code = self._live(drain)
            lived = self.clock() - began
            if code == 0 or drain.asked or code in HOPELESS:
                log.info("ended", code=code, restarts=self.restarts)
                return _shown(code)
            if self._too_often(code):
                log.error("failed too often, giving up", code=code, failures=len(self._failed), restarts=self.restarts)
                return _shown(code)
            self._wait = self.policy.first_s if lived > self.policy.window_s else self._wait
            log.warning("failed, starting again", code=code, after_s=round(self._wait, 1), lived_s=round(lived, 1))
            if not self._sleep(self._wait, drain):
                return 0
            self._wait = min(2 * self._wait, self.policy.longest_s)
            self.restarts += 1

    def _live(self, drain: Drain) -> int:
        """Start one life and wait for its end; a drain is passed on to it as SIGTERM."""
        process = subprocess.Popen(self.command(self.restarts), start_new_session=True, preexec_fn=end_with_parent)
        told = False
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(_LOOK_EVERY)
                if drain.asked and not told:
                    process.send_signal(signal.SIGTERM)
                    told = True
        except BaseException:  # a second Ctrl-C
            process.kill()
            process.wait()
            raise

    def _too_often(self, code: int) -> bool:
        if code == AWAY:
            return False
        now = self.clock()
        self._failed.append(now)
        while self._failed[0] < now - self.policy.window_s:
            self._failed.popleft()
        return len(self._failed) >= self.policy.failures

    def _sleep(self, seconds: float, drain: Drain) -> bool:
        """Wait; return False where a drain was asked for meanwhile."""
        until = self.clock() + seconds
        while self.clock() < until:
            if drain.asked:
                return False
            time.sleep(min(_LOOK_EVERY, seconds))
        return not drain.asked


def _shown(code: int) -> int:
    """Return the exit code a shell would show: 128 + n of a process that signal n ended."""
    return code if code >= 0 else 128 - code


def end_with_parent() -> None:
    """Let the kernel drain the child where this process dies: nobody would start it again, and it holds the lock."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
