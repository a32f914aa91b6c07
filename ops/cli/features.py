"""The catalogue of features: look at it, check it, build its history, draw it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.options import From, Symbols, TickFiles, Timeframe, To
from ops.command_line import Common

Families = Annotated[str | None, typer.Option("--families", metavar="A,B", help="Setting features.families.")]


Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="Whose columns.")]


Out = Annotated[Path, typer.Option(metavar="FILE", help="The picture: .png, .svg or .pdf.")]


def list_columns(call: Common, families: Families = None) -> None:
    """List the columns of the catalogue."""
    call.run("features", "list_columns", chosen={"features.families": ("--families", families)})


def show(call: Common, name: Annotated[str, typer.Argument(help="A column.")]) -> None:
    """Show one column: formula, source, warm-up, edges."""
    call.run("features", "show", name=name)


def compile_kernels(call: Common) -> None:
    """Compile all kernels ahead, a process a core: about two minutes on two cores, once a version."""
    call.run("feature_compile")


def diff(
    call: Common,
    store: Annotated[str, typer.Argument(metavar="sqlite:///path[#namespace]", help="What a run stored.")],
) -> None:
    """Compare stored feature rows, cell by cell, with a replay of the ticks that were stored beside them."""
    call.run("feature_diff", store=store)


def build(
    call: Common,
    files: TickFiles,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the Parquet files.")],
    timeframe: Annotated[str, typer.Option(metavar="1m,5m", help="Setting bars.timeframes.")] = "1m",
    start: From = None,
    end: To = None,
    symbols: Symbols = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a build that was stopped or killed.")] = False,
) -> None:
    """Write the history of all features to Parquet, for training."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe), "universe.symbols": ("--symbols", symbols)}
    call.run(
        "feature_build", chosen=chosen, drains=True, files=files, out=out, start=start, end=end, workers=workers,
        resume=resume,
    )  # fmt: skip


def cost(
    call: Common,
    families: Families = None,
    symbols: Annotated[int, typer.Option(min=1, max=100_000, help="How many the built-in market has.")] = 1000,
    model: Annotated[str | None, typer.Option(metavar="VERSION", help="Whose importances; the active one's.")] = None,
    batches: Annotated[int, typer.Option(min=1, help="How many count, after 70 to warm up.")] = 24,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="A page of it in Markdown.")] = None,
) -> None:
    """Measure what each group of features costs a row, and say what a model makes of them."""
    chosen = {"features.families": ("--families", families)}
    call.run("feature_cost", chosen=chosen, drains=True, symbols=symbols, model=model, batches=batches, write=write)


def plot(
    call: Common,
    symbol: Symbol,
    files: TickFiles,
    names: Annotated[str, typer.Option(metavar="A,B", help="The columns.")],
    out: Out,
    timeframe: Timeframe = None,
    start: From = None,
    end: To = None,
) -> None:
    """Draw columns of a symbol over time under its price; where they are undefined, the reason is shaded."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe)}
    call.run(
        "feature_plot", "plot", chosen=chosen, drains=True, symbol=symbol, files=files, names=names, out=out,
        start=start, end=end,
    )  # fmt: skip


def spectrogram(
    call: Common,
    symbol: Symbol,
    files: TickFiles,
    out: Out,
    window: Annotated[int, typer.Option(metavar="32|64|128|256", help="Log returns a periodogram.")] = 64,
    timeframe: Timeframe = None,
    start: From = None,
    end: To = None,
) -> None:
    """Draw a symbol's price above the periodogram of its log returns over time."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe)}
    call.run(
        "feature_plot", "spectrogram", chosen=chosen, drains=True, symbol=symbol, files=files, window=window, out=out,
        start=start, end=end,
    )  # fmt: skip


def validity(
    call: Common,
    files: TickFiles,
    timeframe: Timeframe = None,
    symbols: Symbols = None,
    families: Families = None,
    start: From = None,
    end: To = None,
    write: Annotated[Path | None, typer.Option(metavar="FILE", help="A page of it in Markdown.")] = None,
) -> None:
    """Count how often each column is undefined over recorded ticks, and say why."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe),
        "universe.symbols": ("--symbols", symbols),
        "features.families": ("--families", families),
    }
    call.run("feature_validity", chosen=chosen, drains=True, files=files, start=start, end=end, write=write)


def check(
    call: Common,
    modules: Annotated[list[str] | None, typer.Argument(metavar="[MODULE]...", help="Your own: theirs alone.")] = None,
    only: Annotated[str | None, typer.Option(metavar="GROUP,GROUP", help="The laws of these groups alone.")] = None,
) -> None:
    """Check every row of the catalogue, and run the laws over it or a part of it."""
    call.run("feature_check", modules=modules or [], only=only or "")
