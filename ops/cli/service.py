"""The HTTP service, and who may use it."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.command_line import Common


def api(
    call: Common,
    host: Annotated[str | None, typer.Option(help="Setting api.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Setting api.port.")] = None,
) -> None:
    """Serve predictions, features and metrics over HTTP."""
    call.run("api", chosen={"api.host": ("--host", host), "api.port": ("--port", port)})


def create_token(
    call: Common,
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    scope: Annotated[str, typer.Option(help="read, train (and read) or admin (and both).")] = "read",
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; without it it doesn't.")] = None,
) -> None:
    """Make a token and print it, this once."""
    call.run("token", "create", name=name, scope=scope, days=days)


def list_tokens(call: Common) -> None:
    """List who has one."""
    call.run("token", "list_tokens")


def revoke_token(call: Common, identity: Annotated[str, typer.Argument(metavar="ID", help="From the list.")]) -> None:
    """Take one away."""
    call.run("token", "revoke", identity=identity)
