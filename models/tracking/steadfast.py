"""A tracker that never fails: what the first one can't hold, the plain one does, with all that was noted before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from models.tracking.plain import PlainTracker
from models.tracking.tracker import Standing, Status, TrackedRun, Tracker
from ops.log import logger

T = TypeVar("T")


class Steadfast(Tracker):
    """Speaks to what `opening` opens; from its first failure on to the plain tracker, with a warning."""

    def __init__(self, opening: Callable[[], Tracker], plain: PlainTracker) -> None:
        """Open nothing yet."""
        self._opening, self._plain = opening, plain
        self._tracker: Tracker | None = None
        self._mute = False
        self._runs: dict[str, TrackedRun] = {}  # those begun here, by the id that was given out
        self._here: dict[str, str] = {}  # id in the plain tracker, of runs that it took over

    def begin(self, name: str, parameters: Mapping[str, str]) -> str:
        """Begin a run."""
        run = self._noted(lambda tracker: tracker.begin(name, parameters), "")
        self._runs[run] = TrackedRun(run, name, dict(parameters))
        if self._tracker is self._plain:
            self._here[run] = run
        return run

    def measure(self, run: str, values: Mapping[str, float], step: int) -> None:
        """Note numbers."""
        self._noted(lambda tracker: tracker.measure(self._id(run), values, step), None)
        for name, value in values.items():
            self._runs[run].metrics.setdefault(name, []).append((step, value))

    def refer(self, run: str, artefacts: Mapping[str, str]) -> None:
        """Note where files lie."""
        self._noted(lambda tracker: tracker.refer(self._id(run), artefacts), None)
        self._runs[run].artefacts |= artefacts

    def end(self, run: str, status: Status, version: str = "") -> None:
        """Note how it ended."""
        self._noted(lambda tracker: tracker.end(self._id(run), status, version), None)

    def mirror(self, standings: Sequence[Standing]) -> None:
        """Take over what the registry says."""
        self._noted(lambda tracker: tracker.mirror(standings), None)

    def runs(self) -> list[TrackedRun]:
        """Return all runs of the tracker in use. Raises what it raises."""
        return self._opened().runs()

    def standings(self) -> list[Standing]:
        """Return what was taken over last. Raises what the tracker raises."""
        return self._opened().standings()

    def _id(self, run: str) -> str:
        return self._here.get(run, run)

    def _opened(self) -> Tracker:
        if self._tracker is None:
            self._tracker = self._opening()
        return self._tracker

    def _noted(self, call: Callable[[Tracker], T], otherwise: T) -> T:
        """Note it here, else there; where both fail, nowhere: the training goes on."""
        if self._mute:
            return otherwise
        try:
            return call(self._opened())
        except Exception as error:
            if self._tracker is not self._plain:
                logger("tracking").warning("the tracker failed; plain files hold the run", why=_said(error))
                return self._in_plain(call, otherwise)
            return self._muted(error, otherwise)

    def _in_plain(self, call: Callable[[Tracker], T], otherwise: T) -> T:
        self._tracker = self._plain
        try:
            self._here |= {name: self._plain.take_over(run) for name, run in self._runs.items()}
            return call(self._plain)
        except Exception as error:
            return self._muted(error, otherwise)

    def _muted(self, error: Exception, otherwise: T) -> T:
        logger("tracking").warning("plain files can't be written either; this run isn't tracked", why=_said(error))
        self._mute = True
        return otherwise


def _said(error: Exception) -> str:
    return (str(error) or repr(error)).splitlines()[0]
