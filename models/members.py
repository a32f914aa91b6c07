"""The members of a model: each fitted on a fold, and asked about the rows behind it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from models.architectures import Net, StepNet, WindowNet
from models.bundle import Bundle
from models.checkpoints import BadCheckpoint
from models.config import LABEL_CLIP, NetConfig, TrainingConfig, TreesConfig
from models.dataset import TrainingRefused
from models.fitting import Fit, fit_net
from models.folds import Rows
from models.inputs import Inputs
from models.labels import Float32
from models.layouts import evaluate
from models.metadata import ColumnUse
from models.named import places
from models.problem import Problem
from models.processes import is_first
from models.trees import parse_forest, walk
from schema.ticks import Float64

Progress = Callable[[str, float], None]  # what is being done, share of that done


@dataclass(frozen=True, slots=True)
class Fitted:
    """A member after fitting: a net, or two models of trees (mean, log variance) as texts, and what they read."""

    spec: NetConfig | TreesConfig
    columns: tuple[ColumnUse, ...]
    floor: float
    fit: Fit | None = None
    texts: tuple[str, str] | None = None

    def heads(self, problem: Problem, rows: Rows) -> tuple[Float64, Float64]:
        """Return mean and log variance, (len(rows), H) of a net and (len(rows), 1) of trees, of a problem's rows.

        In that problem's unit; NaN where there is no prediction.
        """
        data = problem.dataset
        there = context(self.fit.net, problem, rows) if self.fit else rows
        x = self._inputs(problem, there)
        if self.fit is not None:
            found = evaluate(self.fit.net, x, data.symbol[there], data.eligible[there])
            both = found[np.searchsorted(there, rows)].astype(np.float64)
            mean, log_variance = both[..., 0], both[..., 1]
        else:
            mean, log_variance = (walk(parse_forest(text), x)[:, None] for text in self.texts or ())
        if self.floor != problem.floor:
            mine = np.maximum(np.nan_to_num(data.sigma[rows]), self.floor)
            ratio = (mine / problem.unit[rows, 0])[:, None]
            mean, log_variance = mean * ratio, log_variance + 2 * np.log(ratio)
        return mean, log_variance

    def _inputs(self, problem: Problem, rows: Rows) -> Float32:
        if self.columns == problem.columns:
            return problem.x[rows]
        data = problem.dataset
        return Inputs(self.columns, data.columns, data.fingerprints).make(data.values, rows)


def context(net: Net, problem: Problem, rows: Rows) -> Rows:
    """Return the rows that a net has to be run over to speak of `rows` (in order) as it would be served."""
    if isinstance(net, StepNet):
        return np.arange(int(rows[-1]) + 1)
    assert isinstance(net, WindowNet)
    data = problem.dataset
    wanted = np.zeros(problem.rows, np.bool_)
    for symbol in np.unique(data.symbol[rows]):
        series = np.flatnonzero(data.eligible & (data.symbol == symbol))
        asked = np.searchsorted(series, rows[data.symbol[rows] == symbol])
        wanted[series[max(int(asked[0]) - net.window + 1, 0) : int(asked[-1]) + 1]] = True
    return np.flatnonzero(wanted)


def fit_member(
    spec: NetConfig | TreesConfig, problem: Problem, config: TrainingConfig, keep: Path | None, source: Bundle | None,
    progress: Progress,
) -> Fitted:  # fmt: skip
    """Fit a member on a fold. `keep` is where a net's checkpoints or the finished trees go, and are taken up from."""
    if isinstance(spec, TreesConfig):
        return _fit_trees(spec, problem, config, keep, progress)
    fold, data, name = problem.fold, problem.dataset, spec.architecture
    start, options = None, {**spec.options, **places(name, problem.columns)}
    if source is not None and name in source.nets:
        start = source.nets[name].state_dict()
        options = {k: v for k, v in source.metadata.members[name].options.items() if k != "architecture"}
    spec = replace(spec, options=options)
    try:
        fit = fit_net(
            spec, problem.x, problem.y.astype(np.float32), data.symbol, data.eligible, fold.fit, fold.stop,
            config.seed, progress, checkpoint=keep, start=start,
        )  # fmt: skip
    except ValueError as error:
        raise error if isinstance(error, TrainingRefused) else TrainingRefused(f"training: {error}") from error
    return Fitted(spec, problem.columns, problem.floor, fit=fit)


def _fit_trees(
    spec: TreesConfig, problem: Problem, config: TrainingConfig, keep: Path | None, progress: Progress
) -> Fitted:
    blank = Fitted(spec, problem.columns, problem.floor)
    done = keep.with_suffix(".json") if keep is not None else None
    if done is not None and done.is_file():
        try:
            return replace(blank, texts=msgspec.json.decode(done.read_bytes(), type=tuple[str, str]))
        except (msgspec.DecodeError, OSError) as error:
            raise BadCheckpoint(
                f"checkpoint {done}: {error}; train again without --resume, which begins anew"
            ) from error
    fold, label = problem.fold, np.clip(problem.y[:, config.primary - 1], -LABEL_CLIP, LABEL_CLIP)
    library = importlib.import_module(f"models.architectures.{spec.architecture}")
    texts = library.fit_trees(
        (problem.x[fold.fit], problem.x[fold.stop]), (label[fold.fit], label[fold.stop]), spec, config.seed,
        config.threads, progress,
    )  # fmt: skip
    if done is not None and is_first():
        beside = done.with_name(f".{done.name}")
        beside.write_bytes(msgspec.json.encode(texts))
        beside.replace(done)
    return replace(blank, texts=texts)
