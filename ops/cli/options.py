"""Options and arguments that several commands have, and how their values are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ops.command_line import Chosen
from ops.durations import parse_duration, parse_pace, parse_time

T = TypeVar("T")


def parser(read: Callable[[str], T]) -> Callable[[str], T]:
    """Return `read` as typer wants it: what it can't read is a usage error."""

    def parse(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None

    parse.__name__ = read.__name__.removeprefix("parse_")
    return parse


# what goes in
TickFiles = Annotated[list[Path], typer.Argument(metavar="FILE", help="Ticks in Parquet or CSV.")]
MaybeTickFiles = Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Ticks in Parquet or CSV.")]
HistoryFiles = Annotated[
    list[str], typer.Argument(metavar="FILE", help="Ticks, or bars, in Parquet, CSV or TXT; a URL; a built history.")
]
Market = Annotated[str | None, typer.Option(metavar="us", help="Setting data.market.")]
Timeframe = Annotated[str | None, typer.Option(metavar="1s,1m,5m", help="Setting bars.timeframes.")]
Symbols = Annotated[str | None, typer.Option(metavar="A,B", help="Setting universe.symbols.")]

# when
Duration = Annotated[
    float | None,
    typer.Option("--for", metavar="60s", parser=parser(parse_duration), help="How long; without it until Ctrl-C."),
]
Pace = Annotated[
    float,
    typer.Option(metavar="max|1x|50x", parser=parser(parse_pace), show_default="max", help="Times the recorded pace."),
]
From = Annotated[int | None, typer.Option("--from", metavar="TIME", parser=parser(parse_time), help="First (UTC).")]
To = Annotated[int | None, typer.Option("--to", metavar="TIME", parser=parser(parse_time), help="End, excluded.")]

# which model
Version = Annotated[str, typer.Argument(metavar="VERSION", help="As `undertone models list` names it.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="An architecture, several joined by +, or ensemble; repeatable."),
]
OneTimeframe = Annotated[
    str, typer.Option("--timeframe", metavar="1m", help="The one to predict on; 1d for daily bars.")
]
Horizon = Annotated[int | None, typer.Option(help="Setting train.horizon.")]
Preset = Annotated[str | None, typer.Option(metavar="quick", help="Setting train.preset.")]

# where a run keeps what it has
OfNamespace = Annotated[str | None, typer.Option("--namespace", help="Setting store.namespace.")]
OfFolder = Annotated[Path | None, typer.Option("--checkpoint-dir", help="Setting checkpoint.directory.")]
OfStore = Annotated[str | None, typer.Option("--store", metavar="URL", help="Setting store.url.")]


def place(namespace: str | None, store: str | None, checkpoint_dir: Path | None = None) -> Chosen:
    """Return the settings that say where a run keeps what it has."""
    return {
        "store.namespace": ("--namespace", namespace),
        "checkpoint.directory": ("--checkpoint-dir", checkpoint_dir),
        "store.url": ("--store", store),
    }
