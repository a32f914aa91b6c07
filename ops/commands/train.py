"""`undertone train`: replay history, fit the members, report them beside naive baselines, register the version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from dataflows.assembly import groups_of
from dataflows.history import feature_history
from dataflows.sources.files import FileSource
from features.catalogue import column_fingerprint
from models.config import TrainingConfig, preset
from models.dataset import Dataset, DatasetBuilder, build_dataset
from models.metadata import Metadata
from models.registry import Registry
from models.training import train
from ops.drain import Drain
from ops.errors import CommandFailed
from ops.progress import Progress
from ops.settings import Settings
from ops.tables import print_json
from schema.timeframes import parse_timeframe


def run(settings: Settings, *, json: bool, drain: Drain, files: list[Path], model_name: str | None) -> int:
    """Train on files of ticks. The new version is not active until `undertone models activate`."""
    symbols = settings.universe.symbols
    source = FileSource(files, symbols=None if symbols == "auto" else list(symbols))
    progress = Progress(None, "ticks", quiet=json)

    def on_read(read: int) -> bool:
        progress.at(read)
        return drain.asked

    dataset = history_dataset(settings, settings.bars.timeframes[0], feature_history(settings, source, on_read))
    progress.close()
    if drain.asked:
        raise CommandFailed("train: stopped before the history was read; nothing was registered")
    say = _quiet if json else _say
    version = train(dataset, configuration(settings, model_name), settings.registry.root, say)
    _print(Registry(settings.registry.root).show(version), settings, dataset, json)
    return 0


def configuration(settings: Settings, model_name: str | None = None, start: str = "default") -> TrainingConfig:
    """Return a preset of the training with what the settings choose in it."""
    chosen, config = settings.train, preset(start)
    net = config.net
    if net is not None and "epochs" in chosen.model_fields_set:
        net = replace(net, epochs=chosen.epochs)
    if net is not None and "patience" in chosen.model_fields_set:
        net = replace(net, patience=chosen.patience)
    return replace(
        config, name=model_name or config.name, primary=chosen.horizon, seed=chosen.seed,
        threads=chosen.threads, net=net,
    )  # fmt: skip


def history_dataset(settings: Settings, timeframe: str, history: Any) -> Dataset:
    """Build the training set of one timeframe from replayed feature rows."""
    groups = groups_of(settings)
    names = [column.name for group in groups for column in group.columns]
    fingerprints = {c.name: column_fingerprint(group, c) for group in groups for c in group.columns}
    index = list(settings.bars.timeframes).index(timeframe)
    return build_dataset(history, DatasetBuilder(names, fingerprints, parse_timeframe(timeframe), index))


def _say(text: str, share: float) -> None:
    print(f"{share:6.1%}  {text}")


def _quiet(text: str, share: float) -> None:
    """Show nothing."""


def _print(metadata: Metadata, settings: Settings, dataset: Dataset, json: bool) -> None:
    answer: dict[str, Any] = {
        "version": metadata.version,
        "timeframe": metadata.timeframe,
        "rows": len(dataset.time),
        "dataset_mb": round(dataset.nbytes / 2**20, 1),
        "metrics": msgspec.to_builtins(metadata.metrics),
    }
    if json:
        print_json(answer)
        return
    folder = settings.registry.root / metadata.version
    print((folder / "training_report.md").read_text())
    print(f"registered {metadata.version} ({folder}); use it with: undertone models activate {metadata.version}")
