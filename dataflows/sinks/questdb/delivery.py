"""Delivery: the spool's records in order to the server; what is acknowledged, and when."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

from questdb import QuestDBError

from dataflows.sinks.errors import StoreUnavailable
from dataflows.sinks.questdb import spool
from dataflows.sinks.questdb.frames import decode
from dataflows.sinks.questdb.merging import Part
from dataflows.sinks.questdb.progress import Progress
from dataflows.sinks.questdb.ship import Shipper
from dataflows.sinks.questdb.spool import Kind
from schema.questdb import META

_ROUND_BYTES: Final = 8 << 20  # of records that are shipped together
_COMMIT_S: Final = 0.2  # between two writes of `committed`, unless somebody waits
_LINGER_S: Final = 0.2  # records that come within it go together: a commit costs the server more than its rows
_LOOK_S: Final = 0.02  # between two looks meanwhile at whether somebody waits
_STUCK_S: Final = 3.0  # without an answer the server counts as away
_BACK_OFF_S: Final = (0.1, 2.0)  # first and longest wait before it is tried again


class Delivery:
    """Ships in its own thread (`run`); `away` and `keep` are called by another."""

    def __init__(self, folder: Path, progress: Progress, shipper: Shipper, begin: int, committed: str) -> None:
        """Ship from `progress.shipped` on; commits before position `begin` are another run's: never acknowledged.

        `committed` is the name in `meta` of the newest batch number that is complete.
        """
        self._folder, self._progress, self._shipper, self._begin = folder, progress, shipper, begin
        self._committed = committed
        self._at = self._kept = progress.shipped
        self._sequence = 0  # of the newest commit before `_at`
        self._meta: dict[str, str] = {}
        self._commit_at = self._trying_since = self._failing_since = 0.0
        self._lock = threading.Lock()
        shipper.answered = self._answered
        self.failure: Exception | None = None

    def run(self, bell: threading.Event) -> None:
        """Ship whatever comes, for ever. What no patience mends ends in `failure`."""
        pause = _BACK_OFF_S[0]
        while self.failure is None:
            bell.wait(_LINGER_S)
            bell.clear()
            self._trying_since = time.monotonic()
            try:
                self._step()
                self._failing_since, pause = 0.0, _BACK_OFF_S[0]
            except QuestDBError:
                self._failing_since = self._failing_since or time.monotonic()
                time.sleep(pause)
                pause = min(2 * pause, _BACK_OFF_S[1])
            except Exception as error:
                self.failure = error
            self._trying_since = 0.0
            self._linger()

    def _linger(self) -> None:
        """Let records gather, unless somebody waits or there is a round of them."""
        until = time.monotonic() + _LINGER_S
        while (
            self._progress.wanted <= self._at
            and self._progress.written < self._at + _ROUND_BYTES
            and (left := until - time.monotonic()) > 0
        ):
            time.sleep(min(left, _LOOK_S))

    def away(self, now: float) -> bool:
        """Return whether the server fails to answer."""
        trying = self._trying_since
        return self._failing_since > 0 or (trying > 0 and now - trying > _STUCK_S)

    def keep(self) -> None:
        """Bring all that was written to the disk itself; that acknowledges it as well as the server's word would."""
        begin, end = max(self._kept, self._progress.shipped), self._progress.written
        if begin >= end:
            return
        try:
            spool.make_durable(self._folder, begin, end)
            heads = list(spool.records(self._folder, begin, end, payloads=False))
        except (FileNotFoundError, StoreUnavailable):
            if self._progress.shipped > begin:  # the server is back, and the segment gone
                return
            raise
        commits = [head.sequence for head in heads if head.kind is Kind.COMMIT and head.end > self._begin]
        self._kept = end
        self._acknowledge(end, commits[-1] if commits else 0)

    def _answered(self) -> None:
        self._trying_since = time.monotonic()

    def _step(self) -> None:
        """Ship a round, or what a round left to say."""
        if self._at < self._progress.written:
            self._ship_round()
        open_ = self._at > self._progress.shipped
        if open_ and (self._progress.wanted > self._progress.shipped or time.monotonic() > self._commit_at + _COMMIT_S):
            self._commit()

    def _ship_round(self) -> None:
        parts: list[Part] = []
        meta, sequence, size, at = dict[str, str](), self._sequence, 0, self._at
        for record in spool.records(self._folder, at, self._progress.written):
            at = record.end
            if record.kind is Kind.COMMIT:
                sequence = record.sequence
                meta[self._committed] = str(sequence)
                continue
            table, own, n = decode(record.payload)
            if table == META:
                meta.update(zip(own["name"], own["value"]))
            else:
                parts.append(Part(table, own, n))
            size += len(record.payload)
            if size > _ROUND_BYTES:
                break
        self._shipper.ship(parts)
        self._progress.rejected = self._shipper.rejected
        self._meta.update(meta)
        self._at, self._sequence = at, sequence

    def _commit(self) -> None:
        """Say in the store how far it is complete, then acknowledge."""
        if self._meta:
            self._shipper.ship_meta(self._meta)
        self._meta, self._commit_at = {}, time.monotonic()
        self._progress.shipped = self._at
        self._acknowledge(self._at, self._sequence if self._at > self._begin else 0)
        spool.forget(self._folder, self._at)

    def _acknowledge(self, position: int, sequence: int) -> None:
        with self._lock:
            self._progress.acknowledged = max(self._progress.acknowledged, sequence)
            self._progress.durable = max(self._progress.durable, position)
