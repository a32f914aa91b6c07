"""What a finished run leaves in its version's directory."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.config import SIGMA, NetConfig
from models.data.dataset import Dataset
from models.data.problem import Problem
from models.data.quality import Quality
from models.drift.of_walk import reference_of
from models.drift.reference import write_reference
from models.evaluation.scoring import score
from models.metadata import FORMAT, DataRange, Member, Metadata, file_checksum
from models.registry.bundle import WEIGHTS, save_weights, tree_files
from models.reports.pictures import draw
from models.reports.report import write_report
from models.reports.sensitivity import sensitivity
from models.runs.graphs import Graphs
from models.training.checkpoints import save_checkpoint
from models.training.walk import Walk, pooled

OPTIMISER = "optimiser.safetensors"


def write_version(
    path: Path, version: str, created: dt.datetime, walk: Walk, dataset: Dataset, quality: Quality,
    graphs: Graphs | None = None,
) -> None:  # fmt: skip
    """Fill the directory of a version."""
    assert walk.problem is not None, "a walk has at least one fold"
    problem, config, nets = walk.problem, walk.config, walk.nets
    if nets:
        save_weights(path / WEIGHTS, nets)
    for name, fitted in walk.fitted.items():
        for file, text in zip(tree_files(name), fitted.texts or ()):
            (path / file).write_text(text)
    if graphs is not None:
        graphs.copy(path)
    write_reference(path, reference_of(walk))
    checksums = {file.name: file_checksum(file) for file in sorted(path.iterdir())}
    if nets:
        tensors = {f"{name}.{key}": t for name, f in walk.fitted.items() if f.fit is not None
                   for key, t in f.fit.optimiser.items()}  # fmt: skip
        save_checkpoint(path / OPTIMISER, tensors, {"version": version})
    metadata = Metadata(
        FORMAT, version, created.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), dataset.timeframe.name,
        dataset.horizons, config.primary, SIGMA, problem.floor, problem.columns, dict(_members(walk)),
        _data_range(walk, dataset), asdict(config), metrics_of(walk), _commit(), checksums,
        graphs.files if graphs is not None else {},
    )  # fmt: skip
    history = [
        {"member": name, **asdict(epoch)}
        for name, fitted in walk.fitted.items() if fitted.fit is not None for epoch in fitted.fit.history
    ]  # fmt: skip
    (path / "training_history.json").write_bytes(msgspec.json.format(msgspec.json.encode(history)))
    quality.write(path)
    pictures = draw(path, metadata, walk, sensitivity(walk.fitted, problem))
    (path / "training_report.md").write_text(write_report(metadata, quality, pictures, walk.notes))
    (path / "metadata.json").write_bytes(msgspec.json.format(msgspec.json.encode(metadata)))


def metrics_of(walk: Walk) -> dict[str, Any]:
    """Score members, vote and naive forecasters on the test rows of all folds together, and fold by fold."""
    _, together, forecasts = pooled(walk)
    scores = {name: score(forecast, together) for name, forecast in forecasts.items()}
    return {
        "rows": len(together.time),
        "days": len(np.unique(together.time // (86_400 * 10**9))),
        "zero_returns": float(np.mean(together.y == 0)),
        "models": {name: found for name, found in scores.items() if not name.startswith("naive: ")},
        "baselines": {n.removeprefix("naive: "): found for n, found in scores.items() if n.startswith("naive: ")},
        "folds": [_fold(walk, k) for k in range(len(walk.folds))],
        "ended": {name: f.fit.ended for name, f in walk.fitted.items() if f.fit is not None},
    }


def _fold(walk: Walk, k: int) -> dict[str, Any]:
    """One fold's scores, without intervals: a fold has too few days."""
    outcome = walk.outcomes[k]
    found = {}
    for name, parts in walk.forecasts.items():
        scores = score(parts[k], outcome) if len(outcome.time) else {}
        scores.pop("intervals", None)
        found[name] = scores
    slices = {
        name: [int(walk.problem.dataset.time[rows[0]]), int(walk.problem.dataset.time[rows[-1]]), len(rows)]
        for name, rows in walk.folds[k].slices().items()
    } if walk.problem is not None else {}  # fmt: skip
    return {"number": walk.folds[k].number, "refit": walk.folds[k].refit, "slices": slices, "rows": len(outcome.time),
            "scores": found}  # fmt: skip


def _members(walk: Walk) -> Iterator[tuple[str, Member]]:
    for name, fitted in walk.fitted.items():
        found = walk.calibration[name]
        is_net = isinstance(fitted.spec, NetConfig)
        options = {"architecture": name, **fitted.spec.options} if isinstance(fitted.spec, NetConfig) else {}
        yield name, Member(
            "net" if is_net else "trees", walk.voting.weights[name],
            (WEIGHTS,) if is_net else tree_files(name), options, found.variance_scale, found.class_map,
            found.mean_map, found.variance_map,
        )  # fmt: skip


def _data_range(walk: Walk, dataset: Dataset) -> DataRange:
    """The slices are the last fold's, on which the members of the version were fitted."""
    problem: Problem | None = walk.problem
    assert problem is not None
    parts = problem.fold.slices()
    return DataRange(
        int(dataset.time[0]), int(dataset.time[-1]), len(dataset.time), len(np.unique(dataset.symbol)),
        {k: (int(dataset.time[rows[0]]), int(dataset.time[rows[-1]]), len(rows)) for k, rows in parts.items()},
        float(np.mean(dataset.trade_price[np.concatenate(list(parts.values()))])),
    )  # fmt: skip


def _commit() -> str:
    """Return the commit of the running code, empty where it isn't a git checkout."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
