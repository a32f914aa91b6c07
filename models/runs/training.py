"""One training run: look at the data, walk through the folds, calibrate, publish a version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from models.config import TrainingConfig
from models.data.dataset import Dataset, TrainingRefused
from models.data.folds import Folds, folds_of
from models.data.quality import examine
from models.mapped import resident
from models.progress import Progress, Step, silent
from models.registry.bundle import Bundle
from models.registry.registry import Registry
from models.runs.graphs import graphs_of
from models.runs.journal import note_version, open_run, published
from models.runs.versions import write_version
from models.training.processes import is_first, together, wait
from models.training.walk import walk_forward


def train(
    dataset: Dataset,
    config: TrainingConfig,
    directory: Path | str,
    progress: Progress = silent,
    now: dt.datetime | None = None,
    *,
    resume: bool = False,
    run: str = "",
) -> str:
    """Train on a data set and publish a version in the registry at `directory`; return its name.

    The version's members are those of the last fold, calibrated on the pooled out-of-fold rows of all. Deterministic
    on a CPU for a seed, a number of threads and of processes; a killed run goes on with `resume` and ends with the
    same bits. What it has fitted is kept under the name `run`, the configuration's if none is given; one that is given
    is the caller's to forget (`Registry.forget_run`), and gives its version again where it had published and nobody
    heard. The version is not active: nothing that runs is touched, however this ends. Of several processes
    (torchrun) the first publishes; the others return "".
    Raises TrainingRefused where the data set or the configuration can't be trained on, TrainingFailed where a fit
    goes wrong, BadCheckpoint where there is nothing to resume that fits.
    """
    if not config.members:
        raise TrainingRefused("training: no member is configured; expected a net, trees or both")
    if not 1 <= config.primary <= dataset.horizons:
        raise TrainingRefused(
            f"training: primary horizon {config.primary}, expected one of 1 .. {dataset.horizons} bars"
        )
    with threads_of(config.threads), together(), resident(config.memory):
        quality = examine(dataset, config)
        quality.refuse()
        registry = Registry(directory)
        source = registry.load(config.source) if config.source else None
        folds = folds_of(dataset, config)
        if source is not None:
            folds = _unseen(dataset, folds, source)
        folder = registry.run_folder(run or config.name)
        if is_first():
            open_run(folder, dataset, config, resume)
            if version := published(registry, folder):
                return version
        wait()  # for the first to have opened it
        walk = walk_forward(dataset, config, folds, folder, source, progress if is_first() else silent)
        if not is_first():
            return ""
        progress(Step("publishing", 1.0))
        created = now or dt.datetime.now(dt.UTC)
        graphs = graphs_of(walk, folder / "graphs") if config.graphs else None  # the registry isn't locked meanwhile

        def write(path: Path, version: str) -> None:
            note_version(folder, version)
            write_version(path, version, created, walk, dataset, quality, graphs)

        version = registry.publish(config.name, write, created)
    if not run:
        registry.forget_run(config.name)
    return version


def _unseen(dataset: Dataset, folds: Folds, source: Bundle) -> Folds:
    """Return the folds whose stop slice begins behind all that the source was fitted on.

    What it learned would else come back as out-of-sample skill.
    """
    metadata = source.metadata
    if metadata.horizons != dataset.horizons or metadata.timeframe != dataset.timeframe.name:
        raise TrainingRefused(
            f"training: train.source {metadata.version} is of timeframe {metadata.timeframe} and {metadata.horizons} "
            f"horizons, this history of {dataset.timeframe.name} and {dataset.horizons}; name a version of the same"
        )
    seen = metadata.data.slices["test"][0]  # purged and embargoed from all that it was fitted and calibrated on
    kept = [k for k, fold in enumerate(folds) if dataset.time[fold.stop[0]] >= seen]
    if not kept:
        raise TrainingRefused(
            f"training: train.source {metadata.version} was trained up to the end of this history's last fold; "
            "give newer data behind it, at least train.validation_bars + train.step_bars"
        )
    return folds[kept[0] :].refitted_first()


@contextmanager
def threads_of(threads: int) -> Iterator[None]:
    """Let torch use so many threads in the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
