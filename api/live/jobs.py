"""Training jobs as they go on, for those who listen."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import msgspec

from api.answers.jobs import job_answer
from api.live.messages import envelope
from api.live.sockets import text_frame
from models.jobs.jobs import KEPT, Jobs
from models.jobs.record import Job
from models.jobs.records import RecordsAway
from ops.log import logger

_LOOK_S: Final = 0.5
_AGAIN_S: Final = 5.0  # before records that are away are asked again


class JobListener(Protocol):
    """A client's end."""

    def tell_job(self, job_id: str, frame: bytes) -> None:
        """Hear how a job is now, as a message's frame. Doesn't wait."""
        ...


class JobFeed:
    """Looks for changed jobs while anybody listens; without listeners it costs nothing."""

    def __init__(self, jobs: Jobs | None) -> None:
        """Begin with `run`. Without jobs nothing ever happens."""
        self._jobs = jobs
        self._listeners = set[JobListener]()
        self._wanted = asyncio.Event()
        self._revision = 0

    async def run(self) -> None:
        """Tell listeners of what changes, until cancelled."""
        while True:
            await self._wanted.wait()
            if self._jobs is None:
                return
            try:
                first = not self._revision
                self._revision, found = await asyncio.to_thread(self._jobs.changed, self._revision)
            except RecordsAway as error:
                logger("api").warning("the feed of jobs waits", found=str(error))
                await asyncio.sleep(_AGAIN_S)
                continue
            for job in found:
                if job.is_open or not first:
                    self._tell(job)
            await asyncio.sleep(_LOOK_S)

    async def add(self, listener: JobListener) -> None:
        """Tell the listener of all jobs that haven't ended, and of what changes from now on."""
        self._listeners.add(listener)
        self._wanted.set()
        if self._jobs is not None:
            try:
                for job in reversed(await asyncio.to_thread(self._jobs.newest, KEPT)):
                    if job.is_open:
                        listener.tell_job(job.id, _frame(job))
            except RecordsAway:
                pass  # the feed says so, and tells of them when it can

    def remove(self, listener: JobListener) -> None:
        """Tell it no longer."""
        self._listeners.discard(listener)
        if not self._listeners:
            self._wanted.clear()

    def _tell(self, job: Job) -> None:
        frame = _frame(job)
        for listener in self._listeners:
            listener.tell_job(job.id, frame)


def _frame(job: Job) -> bytes:
    return text_frame(envelope("job", msgspec.Raw(msgspec.json.encode(job_answer(job)))))
