"""How long predictions take."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.options import Duration, OfNamespace, OfStore, place
from ops.command_line import Common


def show(
    call: Common,
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", help="Again every two seconds.")] = False,
    last: Annotated[int, typer.Option(min=1, help="How many stored predictions count.")] = 10_000,
    duration: Duration = None,
    namespace: OfNamespace = None,
    store: OfStore = None,
) -> None:
    """Show percentiles of every stage: of the newest stored predictions, and of the running dataflow."""
    if context.invoked_subcommand is None:
        chosen = place(namespace, store)
        call.run("latency", chosen=chosen, drains=True, follow=follow, last=last, duration_s=duration)


def explain(
    call: Common,
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="As the API gives it.")],
    namespace: OfNamespace = None,
    store: OfStore = None,
) -> None:
    """Show one prediction's way through the stages."""
    call.run("latency", "explain", chosen=place(namespace, store), prediction_id=prediction_id)
