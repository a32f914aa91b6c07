"""What a live dataflow does where drift persists: it queues the training of a challenger, from a thread of its own."""

from __future__ import annotations

import queue
import threading

from dataflows.batch import Batch
from models.jobs.drifting import Drifting
from models.jobs.jobs import Jobs
from models.jobs.opening import open_records
from models.jobs.records import RecordsAway
from models.registry.register import Versions
from models.registry.standing import RegistryError
from ops.log import logger
from ops.settings import Settings
from schema.alerts import AlertKind


class Retraining:
    """Call `note` behind every batch. A replay doesn't: what it says was so then, and trains nobody now."""

    def __init__(self, drifting: Drifting) -> None:
        """Submit by `drifting`; the flow never waits for the jobs' store."""
        self._drifting = drifting
        self._wanted: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="retraining", daemon=True)
        self._thread.start()

    def note(self, batch: Batch) -> None:
        """Hand over the versions whose drift persists."""
        for alert in batch.alerts:
            if alert.kind == AlertKind.DRIFT_PERSISTS:
                self._wanted.put(str(alert.details["model_version"]))

    def close(self) -> None:
        """Submit what is handed over, waiting a few seconds at most."""
        self._wanted.put("")
        self._thread.join(5.0)

    def _run(self) -> None:
        while version := self._wanted.get():
            try:
                job = self._drifting.submit(version)
            except (RecordsAway, RegistryError) as error:  # it is said again while drift persists
                logger("retraining").warning("a challenger can't be queued", version=version, reason=str(error))
                continue
            if job:
                logger("retraining").info("drift persists: a challenger is queued", version=version, job=job)


def retraining_of(settings: Settings) -> Retraining | None:
    """Return what the settings ask for; None where drift shall train nobody."""
    if not (settings.alerts.on and settings.alerts.retrains):
        return None
    jobs = Jobs(open_records(settings.jobs.url, settings.store.namespace))
    return Retraining(Drifting(jobs, Versions(settings.registry.root), settings.alerts.retrain_every_h * 3600.0))
