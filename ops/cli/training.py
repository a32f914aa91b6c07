"""Make models: train, tune, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import HistoryFiles, Horizon, Market, Models, OneTimeframe, Preset, Version
from ops.command_line import Common


class TuneSampler(StrEnum):
    """How `tune` draws points."""

    TPE = "tpe"
    RANDOM = "random"
    GRID = "grid"


class TunePruner(StrEnum):
    """When `tune` gives a trial up."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    NONE = "none"


class ExportFormat(StrEnum):
    """What `export` writes."""

    TORCH = "torch"
    ONNX = "onnx"
    TRITON = "triton"


def train(
    call: Common,
    files: HistoryFiles,
    model: Models = None,
    timeframe: OneTimeframe = "1m",
    horizon: Horizon = None,
    preset: Preset = None,
    source: Annotated[str | None, typer.Option("--from", metavar="VERSION", help="Setting train.source.")] = None,
    device: Annotated[str | None, typer.Option(metavar="cuda", help="Setting train.device.")] = None,
    model_name: Annotated[str | None, typer.Option(help="First part of the version's name.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was killed.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Let a worker do it; print the job.")] = False,
    priority: Annotated[int, typer.Option(help="Of the job in the queue: higher first.")] = 0,
    market: Market = None,
) -> None:
    """Train models on replayed history, report them beside naive baselines, register them."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe), "train.horizon": ("--horizon", horizon),
        "train.preset": ("--preset", preset), "train.source": ("--from", source), "train.device": ("--device", device),
        "data.market": ("--market", market),
    }  # fmt: skip
    call.run(
        "train", chosen=chosen, drains=True, files=files, models=model or [], model_name=model_name, resume=resume,
        queue=queue, priority=priority,
    )  # fmt: skip


def tune(
    call: Common,
    files: HistoryFiles,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="An architecture, several joined by +.")],
    trials: Annotated[int, typer.Option(min=1, metavar="N", help="Of the study in all, by whichever process.")] = 50,
    timeframe: OneTimeframe = "1m",
    study: Annotated[str | None, typer.Option(metavar="NAME", help="MODEL_TIMEFRAME by default.")] = None,
    sampler: Annotated[TuneSampler, typer.Option(help="How points are drawn.")] = TuneSampler.TPE,
    pruner: Annotated[TunePruner, typer.Option(help="When a trial is given up, fold by fold.")] = TunePruner.MEDIAN,
    only: Annotated[
        str | None, typer.Option(metavar="PATTERN,PATTERN", help="Dimensions: gru.*, train.learning_rate, family.*.")
    ] = None,
    hold_out: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Share of the history, the newest, that no trial sees.")
    ] = 0.2,
    preset: Preset = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the study, or join it.")] = False,
) -> None:
    """Search for the best options of a model, and write them as settings for `undertone train -c`."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe), "train.preset": ("--preset", preset)}
    call.run(
        "tune", chosen=chosen, drains=True, files=files, model=model, trials=trials, study=study, sampler=str(sampler),
        pruner=str(pruner), only=only, hold_out=hold_out, resume=resume,
    )  # fmt: skip


def export(
    call: Common,
    version: Version,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    form: Annotated[ExportFormat, typer.Option("--format", help="torch.export, ONNX, or Triton's repository.")],
) -> None:
    """Write a version's nets for another runtime, checked against PyTorch on the same rows."""
    call.run("export", version=version, form=str(form), directory=directory)
