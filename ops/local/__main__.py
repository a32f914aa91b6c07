"""`python -m ops.local up|down|status|logs|fetch`: declarations only, the bodies are in `ops/commands/local.py`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.command_line import Common, common

app = typer.Typer(
    name="local",
    help="Kafka, QuestDB and Redis on this machine, without Docker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Names = Annotated[list[str] | None, typer.Argument(metavar="[kafka|questdb|redis]...", help="All by default.")]


@app.command()
@common
def up(
    call: Common,
    names: Names = None,
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Longest wait for each.")] = 120.0,
) -> None:
    """Start what doesn't run yet, and wait until it is healthy."""
    call.run("local", "up", names=names or [], timeout_s=timeout)


@app.command()
@common
def down(call: Common, names: Names = None) -> None:
    """Stop what `up` started, nothing else. What is stored stays."""
    call.run("local", "down", names=names or [])


@app.command()
@common
def status(call: Common, names: Names = None) -> None:
    """Say what runs where; exit code 75 where something doesn't."""
    call.run("local", "status", names=names or [])


@app.command()
@common
def logs(
    call: Common,
    names: Names = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of each.")] = 20,
) -> None:
    """Show the end of each server's log."""
    call.run("local", "logs", names=names or [], lines=lines)


@app.command()
@common
def fetch(call: Common) -> None:
    """Fetch the servers' jars, if they aren't there yet, and say where they are."""
    call.run("local", "fetch")


if __name__ == "__main__":
    app(prog_name="python -m ops.local")
