"""The interface of trackers. One contract suite holds all of them (tests/models/tracking)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Status = Literal["running", "finished", "failed"]


class TrackedRun(msgspec.Struct):
    """One run, as it is read back."""

    id: str
    name: str
    parameters: dict[str, str]
    metrics: dict[str, list[tuple[int, float]]] = {}  # name -> (step, value), in order of the steps
    artefacts: dict[str, str] = {}  # name -> path: by reference, never copied
    status: Status = "running"
    version: str = ""  # that came of it


class Standing(msgspec.Struct, frozen=True):
    """What the registry says of one timeframe."""

    timeframe: str
    versions: dict[str, str]  # version -> its directory
    aliases: dict[str, str]  # "champion", "challenger", "challenger_2", ... -> version


class Tracker(ABC):
    """Notes runs as they go. Calls come in the order begin, measure or refer, end; a run that is killed has no end."""

    @abstractmethod
    def begin(self, name: str, parameters: Mapping[str, str]) -> str:
        """Begin a run and return its id."""

    @abstractmethod
    def measure(self, run: str, values: Mapping[str, float], step: int) -> None:
        """Note finite numbers at a step: an epoch, a fold, or 0 for the whole run."""

    @abstractmethod
    def refer(self, run: str, artefacts: Mapping[str, str]) -> None:
        """Note where files of the run lie."""

    @abstractmethod
    def end(self, run: str, status: Status, version: str = "") -> None:
        """Note how it ended, and the version that came of it."""

    @abstractmethod
    def runs(self) -> list[TrackedRun]:
        """Return all runs, the oldest first."""

    @abstractmethod
    def mirror(self, standings: Sequence[Standing]) -> None:
        """Take over what the registry says: versions that are new or gone, aliases that moved."""

    @abstractmethod
    def standings(self) -> list[Standing]:
        """Return what was taken over last, by timeframe."""
