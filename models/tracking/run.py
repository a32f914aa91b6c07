"""What a training run tells its tracker."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import msgspec

from models.config import TrainingConfig
from models.data.dataset import Dataset
from models.registry.register import Versions
from models.tracking.tracker import Standing, Tracker


class Told:
    """A run that goes on."""

    def __init__(self, tracker: Tracker, run: str) -> None:
        self._tracker, self.run, self.version = tracker, run, ""

    def published(self, versions: Versions, version: str) -> None:
        """Note a version's metrics, a fold and epoch and together, and where its files lie."""
        self.version, metadata, folder = version, versions.show(version), versions.path(version)
        for fold in metadata.metrics["folds"]:
            self._tracker.measure(self.run, _finite(_flat("fold", fold["scores"])), fold["number"] + 1)
        for epoch in msgspec.json.decode((folder / "training_history.json").read_bytes()):
            losses = {f"{epoch['member']}.{name}": epoch[name] for name in ("fit_loss", "stop_loss")}
            self._tracker.measure(self.run, _finite(losses), epoch["epoch"])
        together = _flat("test", {**metadata.metrics["models"], **metadata.metrics["baselines"]})
        self._tracker.measure(self.run, _finite(together), 0)
        self._tracker.refer(self.run, {path.name: str(path.absolute()) for path in sorted(folder.iterdir())})
        self._tracker.mirror(standings_of(versions))


@contextmanager
def tracked(tracker: Tracker, config: TrainingConfig, dataset: Dataset) -> Iterator[Told]:
    """Track what the block trains; it tells of its version by `published`. What it raises ends the run as failed."""
    about = {
        "timeframe": dataset.timeframe.name, "rows": len(dataset.time), "columns": len(dataset.columns),
        "symbols": len(set(dataset.symbol.tolist())), "first": int(dataset.time[0]), "last": int(dataset.time[-1]),
    }  # fmt: skip
    parameters = {**_flat("data", about), **_flat("", asdict(config))}
    told = Told(tracker, tracker.begin(config.name, {name: str(value) for name, value in parameters.items()}))
    try:
        yield told
    except BaseException:
        tracker.end(told.run, "failed")
        raise
    tracker.end(told.run, "finished", told.version)


def standings_of(versions: Versions) -> list[Standing]:
    """Return what the registry says of each timeframe that it has a version of."""
    standing, every = versions.standing(), versions.list()
    found = []
    for timeframe in dict.fromkeys(metadata.timeframe for metadata in every):
        mine = {m.version: str(versions.path(m.version).absolute()) for m in every if m.timeframe == timeframe}
        named = {"champion": standing.active.get(timeframe)}
        for k, challenger in enumerate(standing.challengers.get(timeframe, []), 1):
            named["challenger" if k == 1 else f"challenger_{k}"] = challenger
        aliases = {alias: one.version for alias, one in named.items() if one is not None and one.version in mine}
        found.append(Standing(timeframe, mine, aliases))
    return found


def _flat(prefix: str, values: Any) -> dict[str, Any]:
    """Return nested mappings and sequences as one mapping of dotted names; empty ones are left out."""
    if isinstance(values, Mapping):
        items = [(str(name), value) for name, value in values.items()]
    elif isinstance(values, (list, tuple)):
        items = [(str(k), value) for k, value in enumerate(values)]
    else:
        return {prefix: values}
    parts = [_flat(f"{prefix}.{name}" if prefix else name, value) for name, value in items]
    return {name: value for part in parts for name, value in part.items()}


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value) for name, value in values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    }  # fmt: skip
