"""Training jobs, and the worker that runs them."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.command_line import Common

JobId = Annotated[str, typer.Argument(metavar="ID", help="From the list.")]


def worker(
    call: Common,
    most: Annotated[int | None, typer.Option("--jobs", metavar="N", help="Setting jobs.max_concurrent.")] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Leave when no job waits or runs.")] = False,
    job: Annotated[str, typer.Option(hidden=True, help="Do this one, in this process.")] = "",
    fence: Annotated[int, typer.Option(hidden=True, help="Its attempt.")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", hidden=True, help="Explain what waits, in this process.")
    ] = False,
) -> None:
    """Run training jobs, each in a process of its own, until stopped; what was running goes on later.

    It also explains the predictions that the service is asked about.
    """
    if explain:
        call.run("explain", "answer_waiting", drains=True)
    if job:
        call.run("job", identity=job, fence=fence)
    call.run("worker", chosen={"jobs.max_concurrent": ("--jobs", most)}, drains=True, until_idle=until_idle)


def list_jobs(
    call: Common,
    status: Annotated[str | None, typer.Option(metavar="running", help="Only those of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """List training jobs, the one submitted last first."""
    call.run("jobs", "list_jobs", status=status, limit=limit)


def show(call: Common, identity: JobId) -> None:
    """Show a job: how far it is, what came of it, why it failed."""
    call.run("jobs", "show", identity=identity)


def cancel(call: Common, identity: JobId) -> None:
    """Cancel a job, or all of a batch that haven't ended."""
    call.run("jobs", "cancel", identity=identity)
