"""One training run: split, fit the members, calibrate, score, publish a version."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from models.architectures import Net
from models.architectures.lightgbm import fit_trees
from models.baselines import baselines
from models.bundle import WEIGHTS, save_weights, tree_files
from models.calibration import fit_class_map, fit_variance_scale, probabilities
from models.classes import vote
from models.config import LABEL_CLIP, SIGMA, TrainingConfig
from models.dataset import Dataset, Slices, TrainingRefused, split
from models.evaluation import Forecast, Outcome, score
from models.fitting import Epoch, fit_net
from models.inputs import Inputs, fit_columns, fit_floor
from models.layouts import evaluate
from models.metadata import FORMAT, ColumnUse, DataRange, Member, Metadata, file_checksum
from models.registry import Registry
from models.report import write_report
from models.trees import parse_forest, walk
from schema.ticks import Float64

Progress = Callable[[str, float], None]  # what is being done, share of that done
_MAP_HORIZONS = (1, 2, 3, 5, 10, 20, 30)  # the class map is fitted on these and the primary one


@dataclass(slots=True)
class _Fitted:
    """One member after fitting: heads (n, H) of all rows in units of the label, NaN where not eligible."""

    mean: Float64
    log_variance: Float64
    member: Member
    net: Net | None = None
    trees: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Problem:
    """What every member is fitted to."""

    dataset: Dataset
    config: TrainingConfig
    slices: Slices
    columns: tuple[ColumnUse, ...]
    floor: float
    x: np.ndarray[Any, np.dtype[np.float32]]  # (n, inputs)
    unit: Float64  # (n, H) sigma_t sqrt(h)
    y: Float64  # (n, H) labels in that unit, NaN where there is none


def train(
    dataset: Dataset,
    config: TrainingConfig,
    directory: Path | str,
    progress: Progress = lambda text, share: None,
    now: dt.datetime | None = None,
) -> str:
    """Train on a data set and publish a version in the registry at `directory`; return its name.

    Deterministic on a CPU for a seed and a number of threads. It does not activate the version.
    Raises TrainingRefused where the data set or the configuration can't be trained on.
    """
    problem = _problem(dataset, config)
    with _torch_threads(config.threads):
        fitted, history = _fit_members(problem, progress)
    if not fitted:
        raise TrainingRefused("training: no member is configured; expected a net, trees or both")
    for member in fitted.values():
        _calibrate(problem, member)
    metrics = _evaluate(problem, fitted)
    progress("publishing", 1.0)
    created = now or dt.datetime.now(dt.UTC)

    def write(path: Path, version: str) -> None:
        _write(path, version, created, problem, fitted, history, metrics)

    return Registry(directory).publish(config.name, write, created)


def _problem(dataset: Dataset, config: TrainingConfig) -> _Problem:
    if not 1 <= config.primary <= dataset.horizons:
        raise TrainingRefused(
            f"training: primary horizon {config.primary}, expected one of 1 .. {dataset.horizons} bars"
        )
    slices = split(dataset, config.shares, config.embargo, config.primary)
    columns = fit_columns(dataset, slices.fit, np.concatenate((slices.stop, slices.calibrate)))
    floor = fit_floor(dataset.sigma[slices.fit], dataset.symbol[slices.fit])
    x = Inputs(columns, dataset.columns, dataset.fingerprints).make(dataset.values, np.arange(len(dataset.time)))
    horizons = np.arange(1, dataset.horizons + 1)
    unit = np.maximum(np.nan_to_num(dataset.sigma), floor)[:, None] * np.sqrt(horizons)
    return _Problem(dataset, config, slices, columns, floor, x, unit, dataset.returns / unit)


def _fit_members(problem: _Problem, progress: Progress) -> tuple[dict[str, _Fitted], list[Epoch]]:
    dataset, config, slices = problem.dataset, problem.config, problem.slices
    fitted: dict[str, _Fitted] = {}
    history: list[Epoch] = []
    if config.net is not None:
        name = config.net.architecture
        net, history = fit_net(
            config.net, problem.x, problem.y.astype(np.float32), dataset.symbol, dataset.eligible, slices.fit,
            slices.stop, config.seed, progress,
        )  # fmt: skip
        heads = evaluate(net, problem.x, dataset.symbol, dataset.eligible).astype(np.float64)
        options = {"architecture": name, **config.net.options}
        member = Member("net", config.weights.get(name, 1.0), (WEIGHTS,), options, 1.0, (1.0, 0.0, 0.0))
        fitted[name] = _Fitted(heads[..., 0], heads[..., 1], member, net=net)
    if config.trees is not None:
        name, label = "lightgbm", np.clip(problem.y[:, config.primary - 1], -LABEL_CLIP, LABEL_CLIP)
        texts = fit_trees(
            (problem.x[slices.fit], problem.x[slices.stop]), (label[slices.fit], label[slices.stop]), config.trees,
            config.seed, config.threads, progress,
        )  # fmt: skip
        mean, log_variance = (walk(parse_forest(text), problem.x) for text in texts)
        mean_map, variance_map = _derive(problem, mean, log_variance)
        member = Member(
            "trees", config.weights.get(name, 1.0), tree_files(name), {}, 1.0, (1.0, 0.0, 0.0), mean_map, variance_map
        )
        fitted[name] = _Fitted(
            mean[:, None] * np.array(mean_map), log_variance[:, None] + np.log(variance_map), member, trees=texts
        )
    return fitted, history


def _derive(problem: _Problem, mean: Float64, log_variance: Float64) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fit how mean and variance at the primary horizon carry over to each other one, by least squares."""
    rows, primary = problem.slices.calibrate, problem.config.primary
    factors, scales = [], []
    for h in range(1, problem.dataset.horizons + 1):
        there = rows[np.isfinite(problem.y[rows, h - 1])]
        m, y = mean[there], problem.y[there, h - 1]
        power = float(m @ m)
        factor = float(np.clip(m @ y / power, 0.0, 3.0)) if power > 0 else 0.0
        scale = float(np.mean((y - factor * m) ** 2) / np.mean(np.exp(log_variance[there]))) if len(there) else 1.0
        factors.append(1.0 if h == primary else factor)
        scales.append(1.0 if h == primary else max(scale, 1e-4))
    return tuple(factors), tuple(scales)


def _calibrate(problem: _Problem, fitted: _Fitted) -> None:
    """Set the variance scale and the class map from the calibrate slice, and scale the member's variances."""
    rows, primary = problem.slices.calibrate, problem.config.primary
    rows = rows[np.isfinite(fitted.mean[rows, primary - 1])]  # a net over windows says nothing before one is full
    scale = fit_variance_scale(
        fitted.mean[rows, primary - 1], fitted.log_variance[rows, primary - 1], problem.y[rows, primary - 1]
    )
    fitted.log_variance = fitted.log_variance + np.log(scale)
    means, log_variances, labels, horizons = [], [], [], []
    for h in sorted({primary, *(h for h in _MAP_HORIZONS if h <= problem.dataset.horizons)}):
        there = rows[np.isfinite(problem.y[rows, h - 1])]
        means.append(fitted.mean[there, h - 1])
        log_variances.append(fitted.log_variance[there, h - 1])
        labels.append(problem.y[there, h - 1])
        horizons.append(np.full(len(there), np.log(h / primary)))
    class_map = fit_class_map(*(np.concatenate(parts) for parts in (means, log_variances, labels, horizons)))
    fitted.member = msgspec.structs.replace(fitted.member, variance_scale=scale, class_map=class_map)


def _evaluate(problem: _Problem, fitted: dict[str, _Fitted]) -> dict[str, Any]:
    """Score members, ensemble and baselines on the test slice at the primary horizon."""
    rows, column, primary = problem.slices.test, problem.config.primary - 1, problem.config.primary
    outcome = Outcome(problem.dataset.time[rows], problem.y[rows, column], problem.unit[rows, column])
    p = {
        name: probabilities(m.mean[rows, column], m.log_variance[rows, column], m.member.class_map, primary, primary)
        for name, m in fitted.items()
    }
    forecasts = {
        name: Forecast(m.mean[rows, column], m.log_variance[rows, column], p[name]) for name, m in fitted.items()
    }
    weights = np.array([member.member.weight for member in fitted.values()])
    together = vote(
        np.stack([member.mean[rows, column] for member in fitted.values()]),
        np.stack([member.log_variance[rows, column] for member in fitted.values()]),
        np.stack([p[name] for name in fitted]),
        weights / weights.sum(),
        np.ones(len(rows)),
        0.5,
    )
    forecasts["ensemble"] = Forecast(
        together.expected_return, 2 * np.log(np.maximum(together.volatility, 1e-9)), together.probabilities
    )
    naive = baselines(problem.dataset, problem.slices, problem.y[:, column], problem.unit[:, column], primary)
    return {
        "rows": len(rows),
        "days": len(np.unique(outcome.time // (86_400 * 10**9))),
        "zero_returns": float(np.mean(outcome.y == 0)),
        "models": {name: score(f, outcome) for name, f in forecasts.items()},
        "baselines": {name: score(f, outcome) for name, f in naive.items()},
    }


def _write(
    path: Path, version: str, created: dt.datetime, problem: _Problem, fitted: dict[str, _Fitted],
    history: list[Epoch], metrics: dict[str, Any],
) -> None:  # fmt: skip
    nets = {name: member.net for name, member in fitted.items() if member.net is not None}
    if nets:
        save_weights(path / WEIGHTS, nets)
    for member in fitted.values():
        for name, text in zip(member.member.files, member.trees or (), strict=False):
            (path / name).write_text(text)
    checksums = {file.name: file_checksum(file) for file in sorted(path.iterdir())}
    dataset, config = problem.dataset, problem.config
    metadata = Metadata(
        FORMAT, version, created.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), dataset.timeframe.name,
        dataset.horizons, config.primary, SIGMA, problem.floor, problem.columns,
        {name: member.member for name, member in fitted.items()}, _data_range(problem), asdict(config), metrics,
        _commit(), checksums,
    )  # fmt: skip
    (path / "training_history.json").write_bytes(msgspec.json.encode([asdict(epoch) for epoch in history]))
    (path / "training_report.md").write_text(write_report(metadata))
    (path / "metadata.json").write_bytes(msgspec.json.format(msgspec.json.encode(metadata)))


def _data_range(problem: _Problem) -> DataRange:
    dataset, slices = problem.dataset, problem.slices
    parts = {"fit": slices.fit, "stop": slices.stop, "calibrate": slices.calibrate, "test": slices.test}
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


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
