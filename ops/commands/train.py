"""`undertone train`: history through the features, fold after fold, reported beside naive baselines, registered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dataflows.assembly.feature_groups import groups_of
from dataflows.bar_history import bar_history
from dataflows.feature_history.store import open_store
from dataflows.history import OnNames, OnTicks, feature_history
from dataflows.markets import on_market
from dataflows.sources.bar_file import is_bar_file
from dataflows.sources.files import FileSource
from features.catalogue import Group, column_fingerprint
from models.data.dataset import Dataset, DatasetBuilder, build_dataset
from models.metadata import Metadata
from models.progress import Step, silent
from models.registry.registry import Registry
from models.runs.training import train
from models.search.space import columns_of_families
from models.tracking.opening import open_tracker
from models.tracking.run import tracked
from ops.commands.data_convert import located
from ops.commands.jobs import submit
from ops.drain import Drain
from ops.durations import parse_time
from ops.errors import CommandFailed, UsageError
from ops.progress import Progress
from ops.settings import Settings
from ops.tables import print_json
from ops.train_settings import configuration
from schema.bars import Bars, take_bars
from schema.features import FeatureRows
from schema.timeframes import parse_timeframe


def run(
    settings: Settings, *, json: bool, drain: Drain, files: list[str], models: list[str], model_name: str | None,
    resume: bool, queue: bool = False, priority: int = 0,
) -> int:  # fmt: skip
    """Train on files of ticks or of bars, a version a model. None is active until `undertone models activate`."""
    names: list[str | None] = [*models] or [None]
    wanted = [configuration(settings, model_name if len(names) == 1 else None, model) for model in names]
    settings = on_market(settings)
    if queue:
        local = located(settings, files)
        return submit(settings, json=json, files=local, models=models, name=model_name or "", priority=priority)
    dataset = training_dataset(settings, files, json, drain)
    if drain.asked:
        raise CommandFailed("train: stopped before the history was read; nothing was registered")
    answers, tracker = [], open_tracker(settings.tracking.url, settings.tracking.directory)
    for config in wanted:
        began = time.monotonic()
        with tracked(tracker, config, dataset) as told:
            version = train(dataset, config, settings.registry.root, silent if json else Telling(), resume=resume)
            if version:
                told.published(Registry(settings.registry.root), version)
        if version:
            metadata = Registry(settings.registry.root).show(version)
            answers.append(_answer(metadata, dataset, time.monotonic() - began))
            if not json:
                _print(metadata, settings, len(wanted) == 1)
    if json and answers:
        print_json(answers[0] if len(wanted) == 1 else {"versions": answers})
    return 0


def training_dataset(settings: Settings, files: list[str], json: bool, drain: Drain) -> Dataset:
    """Build the set from files, or read it from the folder of a history that `features build` wrote."""
    timeframe, scratch = settings.bars.timeframes[0], settings.registry.root
    scratch.mkdir(parents=True, exist_ok=True)
    if len(files) == 1 and Path(files[0]).is_dir():
        built = open_store(Path(files[0]), timeframe)
        return built.training_set(*_between(settings), columns=_columns(settings, built.columns), scratch=scratch)
    rows = history_of(settings, located(settings, files), json, lambda: drain.asked)
    return history_dataset(settings, timeframe, rows, scratch)


def history_of(
    settings: Settings, files: Sequence[Path], quiet: bool, stop: Callable[[], bool],
    on_ticks: OnTicks = lambda ticks: None, on_names: OnNames = lambda names: None,
) -> Iterator[tuple[Bars, FeatureRows]]:  # fmt: skip
    """Yield the rows of train.start to train.end of files that all hold ticks or all hold bars, until told to stop."""
    first, end = _between(settings)
    for bars, rows in _whole_history(settings, files, quiet, stop, on_ticks, on_names):
        if end is not None and len(bars.time) and bars.time.min() >= end:
            return
        inside = np.ones(len(bars.time), np.bool_)
        if first is not None:
            inside &= bars.time >= first
        if end is not None:
            inside &= bars.time < end
        yield take_bars(bars, inside), FeatureRows(rows.values[inside], rows.why[inside])


def _between(settings: Settings) -> tuple[int | None, int | None]:
    """Return train.start and train.end, ns UTC."""
    first, end = (parse_time(text) if text else None for text in (settings.train.start, settings.train.end))
    return first, end


def _whole_history(
    settings: Settings, files: Sequence[Path], quiet: bool, stop: Callable[[], bool], on_ticks: OnTicks,
    on_names: OnNames,
) -> Iterator[tuple[Bars, FeatureRows]]:  # fmt: skip
    kinds = {is_bar_file(path) for path in files}
    if len(kinds) > 1:
        raise UsageError("history: some files hold ticks and some hold bars; expected files of one kind")
    bars = kinds == {True}
    progress = Progress(None, "bars" if bars else "ticks", quiet=quiet)

    def on_read(read: int) -> bool:
        progress.at(read)
        return stop()

    if bars:
        yield from bar_history(settings, files, on_read, on_names)
    else:
        source = FileSource(list(files), symbols=settings.universe.listed)
        yield from feature_history(settings, source, on_read, on_ticks, on_names)
    progress.close()


def history_dataset(settings: Settings, timeframe: str, history: Any, scratch: Path | None = None) -> Dataset:
    """Build the training set of one timeframe from replayed feature rows, its files in the folder `scratch`."""
    groups = groups_of(settings)
    names = [column.name for group in groups for column in group.columns]
    fingerprints = {c.name: column_fingerprint(group, c) for group in groups for c in group.columns}
    index, columns = list(settings.bars.timeframes).index(timeframe), _columns(settings, names)
    builder = DatasetBuilder(names, fingerprints, parse_timeframe(timeframe), index, columns=columns, folder=scratch)
    return build_dataset(history, builder)


def _columns(settings: Settings, names: Sequence[str]) -> list[str] | None:
    """Return the columns that models may read, None for all."""
    chosen = settings.train.families
    return columns_of_families(names, families_by_column(groups_of(settings)), chosen) if chosen else None


def families_by_column(groups: Sequence[Group]) -> dict[str, str]:
    """Return each column's family."""
    return {column.name: str(group.family) for group in groups for column in group.columns}


class Telling:
    """Says how far training is, with what is left by the pace so far."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, step: Step) -> None:
        left = (time.monotonic() - self._began) * (1 - step.share) / step.share if step.share > 0 else 0.0
        print(f"{step.share:6.1%}  {left:5.0f} s left  {step.text}", flush=True)


def _answer(metadata: Metadata, dataset: Dataset, seconds: float) -> dict[str, Any]:
    return {
        "version": metadata.version,
        "timeframe": metadata.timeframe,
        "rows": len(dataset.time),
        "dataset_mb": round(dataset.nbytes / 2**20, 1),
        "seconds": round(seconds, 1),
        "metrics": msgspec.to_builtins(metadata.metrics),
    }


def _print(metadata: Metadata, settings: Settings, whole: bool) -> None:
    folder = settings.registry.root / metadata.version
    report = (folder / "training_report.md").read_text()
    if whole:
        print(report)
    else:
        print(next(line for line in report.splitlines() if line.startswith("**")).strip("*"))
    print(f"registered {metadata.version} ({folder}); use it with: undertone models activate {metadata.version}")
