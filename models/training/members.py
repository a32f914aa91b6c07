"""The members of a model: each fitted on a fold, and asked about the rows behind it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from models.architectures import StepNet, WindowNet
from models.config import LABEL_CLIP, NetConfig, TrainingConfig, TreesConfig
from models.data.dataset import TrainingRefused
from models.data.folds import Rows
from models.data.inputs import Inputs
from models.data.named import places
from models.data.problem import Problem, head, inputs_of
from models.labels import Float32
from models.mapped import picked
from models.metadata import ColumnUse
from models.progress import Progress
from models.registry.bundle import Bundle
from models.training.checkpoints import BadCheckpoint
from models.training.fitting import Fit, fit_net
from models.training.layouts import evaluate
from models.training.processes import is_first
from models.trees.flat import parse_forest, walk
from models.trees.two_stages import Picked
from schema.ticks import Float64

_BLOCK: Final = 65_536  # rows whose inputs are held at once


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
        if self.fit is not None and isinstance(self.fit.net, StepNet):
            both = self._behind_all(self.fit.net, problem, rows)
        else:
            blocks = np.split(rows, np.arange(_BLOCK, len(rows), _BLOCK))
            both = np.concatenate([self._of_block(problem, block) for block in blocks])
        mean, log_variance = both[..., 0], both[..., 1]
        if self.floor != problem.floor:
            mine = np.maximum(np.nan_to_num(problem.dataset.sigma[rows]), self.floor)
            ratio = (mine / problem.sigma[rows])[:, None]
            mean, log_variance = mean * ratio, log_variance + 2 * np.log(ratio)
        return mean, log_variance

    def _behind_all(self, net: StepNet, problem: Problem, rows: Rows) -> Float64:
        """Return heads (rows, H, 2) of a net that has seen all rows before them, from the first on."""
        part = head(problem.dataset, int(rows[-1]) + 1)
        same = self.columns == problem.columns
        x = problem.x[: len(part.time)] if same else inputs_of(part, self.columns, problem.scratch)
        return evaluate(net, x, part.symbol, part.eligible, rows).astype(np.float64)

    def _of_block(self, problem: Problem, rows: Rows) -> Float64:
        """Return heads (rows, H or 1, 2) of trees, or of a net over windows."""
        if self.fit is None:
            x = self._inputs(problem, rows)
            return np.stack([walk(parse_forest(text), x)[:, None] for text in self.texts or ()], axis=-1)
        net, data = self.fit.net, problem.dataset
        assert isinstance(net, WindowNet)
        there = context(net, problem, rows)
        x, asked = self._inputs(problem, there), np.searchsorted(there, rows)
        return evaluate(net, x, data.symbol[there], data.eligible[there], asked).astype(np.float64)

    def _inputs(self, problem: Problem, rows: Rows) -> Float32:
        if self.columns == problem.columns:
            return picked(problem.x, rows)
        data = problem.dataset
        return Inputs(self.columns, data.columns, data.fingerprints).of(data.values, rows)


def context(net: WindowNet, problem: Problem, rows: Rows) -> Rows:
    """Return the rows that a net over windows has to see to speak of `rows` (in order) as it would be served."""
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
            spec, problem.x, problem.y, data.symbol, data.eligible, fold.fit, fold.stop,
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
    fold, label = problem.fold, np.clip(problem.label, -LABEL_CLIP, LABEL_CLIP)
    library = importlib.import_module(f"models.architectures.{spec.architecture}")
    inputs = Picked(problem.x, fold.fit), Picked(problem.x, fold.stop)
    texts = library.fit_trees(
        inputs, (label[fold.fit], label[fold.stop]), spec, config.seed, config.threads, progress
    )  # fmt: skip
    if done is not None and is_first():
        beside = done.with_name(f".{done.name}")
        beside.write_bytes(msgspec.json.encode(texts))
        beside.replace(done)
    return replace(blank, texts=texts)
