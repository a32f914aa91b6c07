"""The plain tracker: JSON in a folder, for those who are offline and for `grep`.

folder/RUN/run.json         name, parameters, artefacts, status, version
folder/RUN/metrics.jsonl    one line a step: {"step": 3, "values": {"gru.stop_loss": 1.2}}
folder/models.json          what the registry says
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from models.tracking.tracker import Standing, Status, TrackedRun, Tracker
from ops.durable import put_in_place

_RUN, _METRICS, _MODELS = "run.json", "metrics.jsonl", "models.json"


class _Line(msgspec.Struct):
    step: int
    values: dict[str, float]


class PlainTracker(Tracker):
    """Runs as folders of JSON."""

    def __init__(self, folder: Path) -> None:
        """Write below `folder`, which is made by the first run."""
        self._folder = folder

    def begin(self, name: str, parameters: Mapping[str, str]) -> str:
        """Make the run's folder: NAME_TIME_RANDOM."""
        self._folder.mkdir(parents=True, exist_ok=True)
        stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
        path = Path(tempfile.mkdtemp(prefix=f"{stamp}_{name.replace('/', '_')}_", dir=self._folder))
        self._write(TrackedRun(path.name, name, dict(parameters)))
        return path.name

    def take_over(self, run: TrackedRun) -> str:
        """Hold a run that was begun elsewhere, with all that was noted of it. Return its id here."""
        mine = self.begin(run.name, run.parameters)
        steps: dict[int, dict[str, float]] = {}
        for name, values in run.metrics.items():
            for step, value in values:
                steps.setdefault(step, {})[name] = value
        for step, found in steps.items():
            self.measure(mine, found, step)
        self._write(msgspec.structs.replace(run, id=mine, metrics={}))
        return mine

    def measure(self, run: str, values: Mapping[str, float], step: int) -> None:
        """Append a line."""
        with (self._folder / run / _METRICS).open("ab") as file:
            file.write(msgspec.json.encode(_Line(step, dict(values))) + b"\n")

    def refer(self, run: str, artefacts: Mapping[str, str]) -> None:
        """Add to the run's file."""
        found = self._read(run)
        self._write(msgspec.structs.replace(found, artefacts={**found.artefacts, **artefacts}))

    def end(self, run: str, status: Status, version: str = "") -> None:
        """Note it in the run's file."""
        self._write(msgspec.structs.replace(self._read(run), status=status, version=version))

    def runs(self) -> list[TrackedRun]:
        """Read all folders."""
        names = sorted(path.parent.name for path in self._folder.glob(f"*/{_RUN}"))
        return [msgspec.structs.replace(self._read(name), metrics=self._metrics(name)) for name in names]

    def mirror(self, standings: Sequence[Standing]) -> None:
        """Write the registry's file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._put(self._folder / _MODELS, list(standings))

    def standings(self) -> list[Standing]:
        """Read the registry's file."""
        path = self._folder / _MODELS
        return msgspec.json.decode(path.read_bytes(), type=list[Standing]) if path.is_file() else []

    def _metrics(self, run: str) -> dict[str, list[tuple[int, float]]]:
        path, found = self._folder / run / _METRICS, dict[str, list[tuple[int, float]]]()
        for text in path.read_bytes().splitlines() if path.is_file() else ():
            try:
                line = msgspec.json.decode(text, type=_Line)
            except msgspec.DecodeError:
                continue  # the last line of a run that was killed
            for name, value in line.values.items():
                found.setdefault(name, []).append((line.step, value))
        return {name: sorted(values) for name, values in found.items()}

    def _read(self, run: str) -> TrackedRun:
        return msgspec.json.decode((self._folder / run / _RUN).read_bytes(), type=TrackedRun)

    def _write(self, run: TrackedRun) -> None:
        self._put(self._folder / run.id / _RUN, run)

    def _put(self, path: Path, content: Any) -> None:
        beside = path.with_name(f".{path.name}.partial")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(content)))
        put_in_place(beside, path)
