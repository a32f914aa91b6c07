"""The worker: takes runs, starts a process for each, ends those that shall not go on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.jobs.leases import LeaseLost, Leases
from models.jobs.place import has_ended, here
from models.jobs.record import Job, Process
from models.jobs.records import RecordsAway
from models.jobs.workers import SAID_EVERY_S, Seen, say
from ops.drain import Drain
from ops.local import processes
from ops.log import logger
from ops.supervisor import end_with_parent

_LOOK_S: Final = 0.2
_TAKE_S: Final = 1.0  # between two looks at the queue where it had nothing
_AWAY_S: Final = 5.0  # before records that were away are asked again
_AGAIN: Final = 75  # a process's exit code: a dependency is away
_HOPELESS: Final = (2, 78)  # usage, configuration


@dataclass(slots=True)
class _Running:
    """A run and its process."""

    job: Job
    process: subprocess.Popen[bytes]
    began: float
    told: float | None = None  # when it was asked to end
    overdue: bool = False  # and that was because it took too long


class Worker:
    """Runs at most `most` jobs at once, each as `command(job)` in a session of its own.

    The process keeps the lease by itself (ops.commands.job), so a worker that stands still holds nobody up; and the
    kernel ends it with the worker, so a job of a worker that was killed is free at once.
    """

    def __init__(
        self, leases: Leases, name: str, command: Callable[[Job], Sequence[str]], logs: Path, *, most: int,
        grace_s: float, longest_s: float = 0.0, ended: Callable[[Job], None] = lambda job: None,
    ) -> None:  # fmt: skip
        """An attempt that takes longer than `longest_s`, if that is set, is ended. `ended` hears of runs that are over.

        A process that hangs keeps its lease: nothing else ends it.
        """
        self._leases, self._name, self._command, self._logs = leases, name, command, logs
        self._most, self._grace_s, self._longest_s, self._on_ended = most, grace_s, longest_s, ended
        self._running: list[_Running] = []
        self._next_take = self._next_word = 0.0
        self._log = logger("worker")

    def run(self, drain: Drain, look: Callable[[], None] = lambda: None, until_idle: bool = False) -> None:
        """Work until asked to drain, or until there is nothing to do; `look` is called again and again."""
        try:
            self._forget_logs()
            while not drain.asked:
                try:
                    look()
                    self.step()
                    if until_idle and not self._running and not self._leases.records.change(lambda table: table.open()):
                        return
                except RecordsAway as error:
                    self._log.warning("jobs can't be read", found=str(error), again_in_s=_AWAY_S)
                    self._next_take = time.monotonic() + _AWAY_S
                    time.sleep(_LOOK_S if self._running else _AWAY_S)
                time.sleep(_LOOK_S)
        finally:
            self._release_all()

    def _forget_logs(self) -> None:
        """Delete what jobs printed that aren't kept any more."""
        with contextlib.suppress(RecordsAway):  # the next worker does it
            for log in self._logs.glob("job_*.log"):
                if self._leases.records.get(log.stem) is None:
                    log.unlink(missing_ok=True)

    def step(self) -> None:
        """See what has ended or shall end, and begin what there is room for. Raises RecordsAway."""
        now = time.monotonic()
        for running in [*self._running]:
            if running.process.poll() is not None:
                self._reap(running)
            elif running.told is None and self._shall_end(running.job):
                self._log.info("cancelling", job=running.job.id)
                self._tell(running, signal.SIGTERM)
            elif running.told is None and 0 < self._longest_s < now - running.began:
                self._log.warning("ending what takes too long", job=running.job.id, longest_s=self._longest_s)
                running.overdue = True
                self._tell(running, signal.SIGTERM)
            elif running.told is not None and now - running.told > self._grace_s:
                self._tell(running, signal.SIGKILL)
        if now >= self._next_word:
            say(self._leases.records, self._name, Seen(time.time(), len(self._running)))
            self._next_word = now + SAID_EVERY_S
        while len(self._running) < self._most and now >= self._next_take:
            job = self._leases.take(self._name)
            if job is None:
                self._next_take = now + _TAKE_S
                return
            self._start(job)

    def _shall_end(self, job: Job) -> bool:
        """Return whether the job is cancelled, another attempt's or forgotten: nobody wants what the process does."""
        found = self._leases.records.get(job.id)
        return found is None or (found.is_open and (found.cancelling or found.attempts != job.attempts))

    def _start(self, job: Job) -> None:
        assert job.lease is not None
        if job.lease.before is not None:
            _end(job.lease.before)
        for other in self._running:
            if other.job.id == job.id:  # our own, of the attempt before
                self._tell(other, signal.SIGKILL)
                other.process.wait()
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{job.id}.log").open("ab") as log:
            process = subprocess.Popen(
                self._command(job), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip
        self._running.append(_Running(job, process, time.monotonic()))
        with contextlib.suppress(LeaseLost):  # cancelled meanwhile: `step` sees it
            self._leases.started(
                job.id, job.attempts, Process(here(), process.pid, processes.born(process.pid) or "ended")
            )
        self._log.info("started", job=job.id, attempt=job.attempts, process=process.pid)

    def _reap(self, running: _Running) -> None:
        """Say how it ended, should it not have done so itself."""
        job, code = running.job, running.process.returncode
        hopeless = code in _HOPELESS
        self._leases.fail(job.id, job.attempts, self._last_words(running), again=not hopeless)
        self._running.remove(running)
        found = self._leases.records.get(job.id)
        self._log.info("ended", job=job.id, code=code, status=found.status if found else "forgotten")
        if found is None or not found.is_open:
            self._on_ended(job)

    def _last_words(self, running: _Running) -> str:
        job, code = running.job, running.process.returncode
        if running.overdue:
            return f"it took longer than the {self._longest_s:g} s that jobs.longest_s gives an attempt"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}: killed, or out of memory"
        lines = (self._logs / f"{job.id}.log").read_text(errors="replace").splitlines() or ["it said nothing"]
        return f"its process left with exit code {code}: {lines[-1].removeprefix('undertone: ')}"

    def _tell(self, running: _Running, number: signal.Signals) -> None:
        running.told = running.told or time.monotonic()
        if running.process.poll() is None:
            os.killpg(running.process.pid, number)

    def _release_all(self) -> None:
        """End what runs and put it back: it goes on where its last checkpoint was written."""
        for running in self._running:
            self._tell(running, signal.SIGTERM)
        until = time.monotonic() + self._grace_s
        for running in self._running:
            try:
                running.process.wait(max(until - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                self._tell(running, signal.SIGKILL)
                running.process.wait()
            try:
                self._leases.release(running.job.id, running.job.attempts)
            except RecordsAway as error:
                self._log.warning("a job is free only when its lease is over", job=running.job.id, found=str(error))


def _end(process: Process) -> None:
    """End the process of an earlier attempt that lingers on this machine, and wait until it has."""
    lingering = processes.Process(process.pid, process.born, {})
    if has_ended(process) or not lingering.alive():
        return
    lingering.send(signal.SIGKILL)
    lingering.wait(10.0)
