"""The flow without an engine: a source, the stations in order, and what happens between two batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dataflows.batch import Arrivals, Batch
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.checkpoints.state_versions import KEY, STATE_VERSION, migrated
from dataflows.interfaces import EndOfInput, LiveSource, Snapshot, Source, Station
from schema.tables import SCHEMA_VERSION
from schema.ticks import Bool


class CheckpointMismatch(ValueError):
    """A checkpoint was made by other columns, another schema or another input."""


@dataclass
class Pipeline:
    """What an engine drives: `pull` a batch from the source, `step` it through the stations in order.

    Between two batches the process is consistent: every station has seen the same batches. That is where
    checkpoints are cut. The batch numbers of all stations are compared before each cut; where an engine runs ahead
    (seen: Bytewax with its own recovery polled before the last step had run), the cut and the end wait.
    """

    source: Source
    stations: Sequence[Station]
    fingerprint: str
    checkpoints: Checkpoints | None = None
    checkpoint_every: float = 5.0  # seconds
    on_batch: Callable[[Batch], None] = lambda batch: None
    drain_asked: Callable[[], bool] = lambda: False  # looked at before each batch, and while nothing arrives
    held: Callable[[], Bool] | None = None  # the lanes that the source shall read no further
    number: int = 0
    draining: bool = False
    ended: bool = False
    seconds: dict[str, float] = field(default_factory=dict)  # spent in each station
    pass_seconds: float = 0.0  # of the newest whole pass: how long the source wasn't asked
    cut_seconds: float = 0.0  # that the newest cut of a checkpoint kept it from being asked
    _handed_at: float = 0.0  # when the batch in flight was handed out, 0 while none is
    _reached: dict[str, int] = field(default_factory=dict)
    _next_cut: float = 0.0
    _cut_at: int = -1  # the batch behind which the newest cut was made, or resumed at
    _live: LiveSource | None = None
    _position: tuple[int, Snapshot] | None = None  # of the last cut, until it counts

    def __post_init__(self) -> None:
        """Start all counters."""
        self.seconds = {station.name: 0.0 for station in self.stations}
        self._reached = {station.name: 0 for station in self.stations}
        self._live = self.source if isinstance(self.source, LiveSource) else None

    @property
    def consistent(self) -> bool:
        """Whether every station has seen every batch."""
        return all(number == self.number for number in self._reached.values())

    def pull(self) -> Batch | None:
        """Return the next batch, None if nothing arrived. Raises EndOfInput after the last one.

        A finite input ends with an empty batch marked `last`. A drained one just ends: it goes on another time.
        """
        if self._handed_at:
            self.pass_seconds, self._handed_at = time.perf_counter() - self._handed_at, 0.0
        if self.consistent:
            self._maybe_cut()
        self.draining = self.draining or self.drain_asked()
        if self.ended or self.draining:
            if self.consistent:
                raise EndOfInput
            return None
        if self._live is not None and self.held is not None:
            self._live.hold(self.held())
        arrivals: Arrivals | None
        try:
            arrivals = self.source.next_batch()
        except EndOfInput:
            self.ended, arrivals = True, None
        if arrivals is None and not self.ended:
            return None
        self.number += 1
        self._handed_at = time.perf_counter()
        return Batch(self.number, arrivals, last=self.ended)

    def step(self, station: Station, batch: Batch) -> Batch:
        """Run one station, timed."""
        began = time.perf_counter()
        batch = station.step(batch)
        self.seconds[station.name] += time.perf_counter() - began
        self._reached[station.name] = batch.number
        return batch

    def advance(self) -> Batch | None:
        """Take one batch through all stations and return it, None if nothing arrived. Raises EndOfInput as `pull`."""
        batch = self.pull()
        if batch is not None:
            for station in self.stations:
                batch = self.step(station, batch)
            self.on_batch(batch)
        return batch

    def run(self) -> None:
        """Drive everything in this thread until the input ends or `draining` is set. Waits 1 ms when idle."""
        while True:
            try:
                batch = self.advance()
            except EndOfInput:
                return
            if batch is None:
                time.sleep(0.001)

    def finish(self) -> None:
        """Cut a last checkpoint and wait until it counts. Call it when the engine has stopped in good order."""
        if self.checkpoints is not None:
            self.checkpoints.finish()
            self._cut(self.checkpoints)
            self.checkpoints.finish()
            self._acknowledge(self.checkpoints)

    def snapshot(self) -> Snapshot:
        """Return the whole state, arrays live."""
        return {
            "schema_version": SCHEMA_VERSION,
            KEY: STATE_VERSION,
            "fingerprint": self.fingerprint,
            "number": self.number,
            "position": self.source.position(),
            "stations": {station.name: station.snapshot() for station in self.stations},
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Continue where a snapshot was taken.

        Raises CheckpointMismatch where it doesn't fit this flow, StateVersionMismatch where its form is another one.
        """
        snapshot = migrated(snapshot)
        ours = {"schema_version": SCHEMA_VERSION, "fingerprint": self.fingerprint}
        for key, expected in ours.items():
            if snapshot[key] != expected:
                raise CheckpointMismatch(
                    f"checkpoint: its {key} is {snapshot[key]}, this version's is {expected}; "
                    "resume with the version and settings that made it, or begin anew: `undertone recovery reset` for "
                    "a live run, without --resume for a replay"
                )
        stations = snapshot["stations"]
        if set(stations) != {station.name for station in self.stations}:
            raise CheckpointMismatch(
                f"checkpoint: it holds the stations {sorted(stations)}, this flow has "
                f"{sorted(station.name for station in self.stations)}"
            )
        self.source.seek(snapshot["position"])
        for station in self.stations:
            try:
                station.restore(stations[station.name])
            except (KeyError, ValueError) as error:
                raise CheckpointMismatch(f"checkpoint, station {station.name}: {error}") from error
        self.number = snapshot["number"]
        self._reached = dict.fromkeys(self._reached, self.number)
        self._next_cut, self._cut_at = time.monotonic() + self.checkpoint_every, self.number

    def _maybe_cut(self) -> None:
        """Cut where it is time; before the first batch always, so that a run killed early has a place to resume at."""
        if self.checkpoints is None:
            return
        self._acknowledge(self.checkpoints)
        if not self._next_cut:
            self._cut(self.checkpoints)
            self.checkpoints.finish()
            self._next_cut = time.monotonic() + self.checkpoint_every
        if self.number == self._cut_at or time.monotonic() < self._next_cut or self.checkpoints.busy:
            return
        self._cut(self.checkpoints)
        self._next_cut = time.monotonic() + self.checkpoint_every

    def _cut(self, checkpoints: Checkpoints) -> None:
        if not self.consistent:
            raise RuntimeError(f"checkpoint: batch {self.number} is not through, the stations reached {self._reached}")
        began = time.perf_counter()
        snapshot = self.snapshot()
        checkpoints.cut(snapshot, self.number)
        self.cut_seconds = time.perf_counter() - began
        self._cut_at, self._position = self.number, (self.number, snapshot["position"])

    def _acknowledge(self, checkpoints: Checkpoints) -> None:
        """Tell a live source of its position in a checkpoint, once that counts."""
        if self._live is None or self._position is None or checkpoints.counted < self._position[0]:
            return
        (_, position), self._position = self._position, None
        self._live.acknowledged(position)
