"""The registry: what can be trained, what was, what is active."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.command_line import Common

Version = Annotated[str, typer.Argument(help="A version.")]


def architectures(call: Common) -> None:
    """List what can be trained: kind, size, state or window, columns read by name."""
    call.run("architectures")


def list_versions(call: Common) -> None:
    """List the versions, the active one marked."""
    call.run("models", "list_versions")


def show(call: Common, version: Annotated[str, typer.Argument(help="A version, or `active`.")]) -> None:
    """Show a version's metadata and scores."""
    call.run("models", "show", version=version)


def graphs(
    call: Common, versions: Annotated[list[str], typer.Argument(metavar="VERSION...", help="Versions without them.")]
) -> None:
    """Add the graphs of its nets for ONNX Runtime to a version from before, or made without the exporter."""
    call.run("models", "graphs", versions=versions)


def activate(call: Common, version: Version) -> None:
    """Make a version the active one; running dataflows take it over."""
    call.run("models", "activate", version=version)


def challenge(
    call: Common,
    version: Version,
    end: Annotated[bool, typer.Option("--end", help="End its challenge.")] = False,
) -> None:
    """Let running dataflows score a version beside the active one."""
    call.run("models", "withdraw" if end else "challenge", version=version)


def roll_back(call: Common, timeframe: Annotated[str, typer.Argument(help="A timeframe, such as 1m.")]) -> None:
    """Make the version active again that was so before; a second call goes further back."""
    call.run("models", "roll_back", timeframe=timeframe)


def mirror(call: Common) -> None:
    """Let MLflow take over what the registry says (setting tracking.url)."""
    call.run("models", "mirror")


def prune(
    call: Common,
    keep: Annotated[int, typer.Option(min=1, help="How many stay of each timeframe.")] = 10,
    timeframe: Annotated[str | None, typer.Option(metavar="1m", help="Only this one's.")] = None,
) -> None:
    """Delete all but the best versions; active ones stay."""
    call.run("models", "prune", keep=keep, timeframe=timeframe)
