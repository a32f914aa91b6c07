"""Keeps the lease of the job that this process does, and says how far it is."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from types import TracebackType
from typing import Final, Self

import msgspec

from models.jobs.leases import RENEW_S, LeaseLost, Leases
from models.jobs.record import Job, Progress
from models.jobs.records import RecordsAway
from models.progress import Step
from ops.log import logger

_MARGIN: Final = 0.7  # of the lease's time: without a renewal for so long the process ends itself, before it is over
_SAY_S: Final = 0.5  # between two reports of progress
_LOST: Final = 70
_AWAY: Final = 75


class Heart:
    """Beats in a thread. A lease that is lost, or can't be renewed in time, ends the process at once.

    Nothing is lost by that: what is fitted is in the run's checkpoints, and a version appears whole or not at all.
    """

    def __init__(self, leases: Leases, job: Job) -> None:
        """Begin with `with`."""
        assert job.lease is not None
        self._leases, self._job, self._fence = leases, job.id, job.lease.fence
        self._progress = Progress()
        self._began: tuple[float, float] | None = None  # when the first step was told, and its share
        self._renewed = self._said = time.monotonic()
        self._every = min(RENEW_S, leases.lease_s / 5)
        self._stop = threading.Event()
        self._renewing = threading.Lock()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Beat."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Beat no more."""
        self._stop.set()
        self._thread.join()

    def say(self, text: str) -> None:
        """Say what is being done, before there are steps. Raises LeaseLost."""
        self._progress = Progress(text=text)
        self._renew()

    def step(self, step: Step) -> None:
        """Say how far training is; at the end, before anything is published, whoever lost the job learns of it.

        Raises LeaseLost, and RecordsAway where that can't be known at the end.
        """
        now = time.monotonic()
        began, first = self._began = self._began or (now, step.share)
        done, last = step.share - first, step.share >= 1.0
        if last and step.epoch is None:  # the last epoch stays to be seen
            self._progress = msgspec.structs.replace(self._progress, share=1.0, text=step.text, eta_seconds=0.0)
        else:
            self._progress = self._of(step, now - began, done)
        if last or now - self._said >= _SAY_S:
            self._said = now
            try:
                self._renew()
            except RecordsAway:
                if last:
                    raise

    def _of(self, step: Step, seconds: float, done: float) -> Progress:
        return Progress(
            share=step.share, text=step.text, fold=step.fold, folds=step.folds, current_epoch=step.epoch,
            total_epochs=step.epochs, current_loss=step.fit_loss, validation_loss=step.stop_loss,
            eta_seconds=seconds * (1 - step.share) / done if done > 0 else None,
        )  # fmt: skip

    def _renew(self) -> None:
        with self._renewing:
            used = resource.getrusage(resource.RUSAGE_SELF)
            unit = 1 if sys.platform == "darwin" else 1024
            progress = msgspec.structs.replace(
                self._progress, max_rss_mb=round(used.ru_maxrss * unit / 2**20, 1),
                cpu_seconds=round(used.ru_utime + used.ru_stime, 2),
            )  # fmt: skip
            at = time.monotonic()
            self._leases.renew(self._job, self._fence, progress)
            self._renewed = at

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._renew()
            except LeaseLost as lost:
                self._leave(str(lost), _LOST)
            except RecordsAway as error:
                if time.monotonic() - self._renewed > _MARGIN * self._leases.lease_s:
                    self._leave(f"the lease could not be renewed: {error}", _AWAY)

    def _leave(self, why: str, code: int) -> None:
        logger("job").error("stopped", job=self._job, why=why)
        os._exit(code)
