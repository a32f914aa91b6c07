"""Files of ticks and bars."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import Market, TickFiles, Timeframe
from ops.command_line import Common


def info(call: Common, files: TickFiles) -> None:
    """Say what files hold: rows, symbols, kinds, first and last time."""
    call.run("data", "info", files=files)


def validate(
    call: Common,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Ticks, or bars, in Parquet or CSV.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Bars: folder of the report, .md and .json.")] = None,
    ticks: Annotated[list[Path] | None, typer.Option(metavar="FILE", help="Bars: raw ticks that they meet.")] = None,
    timeframe: Timeframe = None,
    market: Market = None,
) -> None:
    """Check every tick of files as the dataflow would, or bars as training would."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe), "data.market": ("--market", market)}
    call.run("data", "validate", chosen=chosen, files=files, out=out, ticks=ticks or [])


def convert(
    call: Common,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Bars: a Parquet, CSV or TXT file, or a URL.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Parquet file to write.")],
    of: Annotated[str, typer.Option(metavar="1d", help="The files' timeframe: setting bars.timeframes.")] = "1d",
    timeframe: Annotated[str | None, typer.Option(metavar="1w", help="A coarser one to make of it.")] = None,
    market: Market = None,
) -> None:
    """Write bars as one Parquet file, of a coarser timeframe where one is asked for."""
    chosen = {"bars.timeframes": ("--of", of), "data.market": ("--market", market)}
    call.run("data_convert", chosen=chosen, files=files, out=out, timeframe=timeframe)
