"""What is known of a job: what it shall train, how far it is, who has it, how it ended."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
STATUSES: Final[tuple[Status, ...]] = ("queued", "running", "succeeded", "failed", "cancelled")
OPEN: Final = frozenset({"queued", "running"})


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one run trains."""

    timeframe: str
    model: str = ""  # as `undertone train --model` takes it; empty: as the settings say
    symbols: tuple[str, ...] = ()  # pooled; empty: all of the history
    horizon: int | None = None  # bars
    start: str = ""  # ISO-8601; rows from then on, empty for all
    end: str = ""  # rows before then
    settings: dict[str, Any] = {}  # section.key -> value, over the worker's own
    files: tuple[str, ...] = ()  # of history; empty: what the worker's settings name
    name: str = ""  # first part of the version's name
    challenges: bool = False  # the version that comes of it is scored beside the champion; it never replaces it at once


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is."""

    share: float = 0.0  # of the work, 0 to 1
    text: str = ""
    fold: int | None = None  # from 1 on
    folds: int | None = None
    current_epoch: int | None = None  # from 1 on, of the member that is being fitted
    total_epochs: int | None = None
    current_loss: float | None = None  # fit slice
    validation_loss: float | None = None  # stop slice
    eta_seconds: float | None = None
    max_rss_mb: float | None = None
    cpu_seconds: float | None = None


class Process(msgspec.Struct, frozen=True):
    """A process, told from later ones of the same number and from those of other machines."""

    place: str  # models.jobs.place.here
    pid: int
    born: str


class Lease(msgspec.Struct, frozen=True):
    """Who may work at a job, and until when. It is void as soon as another one is given."""

    worker: str
    fence: int  # the attempt's number: whoever names another one isn't heard
    until: float  # Unix time, s
    process: Process | None = None  # that does it, once it has begun
    before: Process | None = None  # that did it under the lease before: it may linger


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run, or a batch of them: a batch has children, and no task or state of its own."""

    id: str
    kind: Literal["train", "incremental", "batch"]
    created: float  # Unix time, s
    task: Task | None = None
    parent: str = ""
    children: tuple[str, ...] = ()
    max_concurrent: int | None = None  # of a batch: how many of its runs at once
    priority: int = 0  # higher first
    number: int = 0  # in order of submission
    status: Status = "queued"
    attempts: int = 0
    excused: int = 0  # attempts that were interrupted in good order: they do not count
    not_before: float = 0.0  # Unix time, s: the back-off of a retry
    lease: Lease | None = None
    cancelling: bool = False  # asked to end
    progress: Progress = Progress()
    started: float | None = None  # of the newest attempt
    ended: float | None = None
    error: str = ""
    version: str = ""  # that came of it
    key: str = ""  # the client's, that makes a repeated request the same job
    digest: str = ""  # of the request that had the key

    @property
    def is_open(self) -> bool:
        """Whether it may still change by itself."""
        return self.status in OPEN
