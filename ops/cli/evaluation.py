"""What models are worth and why: evaluate, backtest, explain."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ops.cli.options import (
    HistoryFiles,
    Horizon,
    Models,
    OfNamespace,
    OfStore,
    OneTimeframe,
    Preset,
    Version,
    parser,
    place,
)
from ops.command_line import Common
from ops.durations import parse_time


class ExplainMethod(StrEnum):
    """How members are explained."""

    AUTO = "auto"
    SHAPLEY = "shapley"
    LIME = "lime"


def version(call: Common, version: Version, files: HistoryFiles, timeframe: OneTimeframe = "1m") -> None:
    """Judge a version behind what it learned from: directions, distributions, regimes, after costs."""
    chosen = {"bars.timeframes": ("--timeframe", timeframe)}
    call.run("evaluate", "version", chosen=chosen, drains=True, version=version, files=files)


def walk(
    call: Common,
    files: HistoryFiles,
    model: Models = None,
    timeframe: OneTimeframe = "1m",
    horizon: Horizon = None,
    preset: Preset = None,
) -> None:
    """Walk architectures forward through history and judge them; nothing is registered."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe), "train.horizon": ("--horizon", horizon),
        "train.preset": ("--preset", preset),
    }  # fmt: skip
    call.run("evaluate", "walk", chosen=chosen, drains=True, files=files, models=model or [])


def leaks(
    call: Common,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="As for train; repeatable; all without it.")
    ] = None,
    symbols: Annotated[int, typer.Option(min=2, max=1000, help="How many the markets have.")] = 8,
    bars: Annotated[int, typer.Option(min=300, help="Daily bars of each.")] = 1500,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the markets.")] = 1,
    preset: Preset = "quick",
) -> None:
    """Look for the future in forecasts, on markets whose law is known; exit code 1 where there is some."""
    chosen = {"bars.timeframes": ("", "1d"), "train.preset": ("--preset", preset)}
    call.run("leaks", chosen=chosen, drains=True, models=model or [], symbols=symbols, bars=bars, seed=seed)


def backtest(
    call: Common,
    version: Version,
    files: HistoryFiles,
    timeframe: OneTimeframe = "1m",
    threshold: Annotated[float | None, typer.Option(help="Setting backtest.threshold.")] = None,
    fee: Annotated[float | None, typer.Option("--fee", metavar="BPS", help="Setting backtest.fee_bps.")] = None,
    latency: Annotated[float | None, typer.Option(metavar="MS", help="Setting backtest.latency_ms.")] = None,
) -> None:
    """Trade a version's signal behind what it learned from, after fees, spread and latency."""
    chosen = {
        "bars.timeframes": ("--timeframe", timeframe), "backtest.threshold": ("--threshold", threshold),
        "backtest.fee_bps": ("--fee", fee), "backtest.latency_ms": ("--latency", latency),
    }  # fmt: skip
    call.run("backtest", chosen=chosen, drains=True, version=version, files=files)


def explain(
    call: Common,
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Whose prediction.")],
    at: Annotated[
        int | None, typer.Option(metavar="TIME", parser=parser(parse_time), help="The newest up to it (UTC).")
    ] = None,
    timeframe: Annotated[str | None, typer.Option(metavar="1m", help="Of which; the newest of any by default.")] = None,
    method: Annotated[
        ExplainMethod,
        typer.Option(help="auto: TreeSHAP and integrated gradients; shapley: sampled values of nets; lime."),
    ] = ExplainMethod.AUTO,
    top: Annotated[int, typer.Option(min=1, help="Features that are shown.")] = 10,
    namespace: OfNamespace = None,
    store: OfStore = None,
) -> None:
    """Say what each feature added to a stored prediction, and how the members voted."""
    chosen = place(namespace, store)
    call.run("explain", chosen=chosen, symbol=symbol, at=at, timeframe=timeframe, method=str(method), top=top)
