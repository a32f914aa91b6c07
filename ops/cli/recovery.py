"""The checkpoints of a live run."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.options import OfFolder, OfNamespace, OfStore, place
from ops.command_line import Common


def inspect(
    call: Common, namespace: OfNamespace = None, checkpoint_dir: OfFolder = None, store: OfStore = None
) -> None:
    """List the checkpoints against store and settings, and say which one the next start takes."""
    call.run("recovery", "inspect", chosen=place(namespace, store, checkpoint_dir))


def reset(
    call: Common,
    namespace: OfNamespace = None,
    checkpoint_dir: OfFolder = None,
    store: OfStore = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Move checkpoints and rows aside, so that the next start begins anew; nothing is deleted."""
    call.run("recovery", "reset", chosen=place(namespace, store, checkpoint_dir), yes=yes)


def fork(
    call: Common,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new namespace.")],
    namespace: OfNamespace = None,
    checkpoint_dir: OfFolder = None,
    store: OfStore = None,
    batch: Annotated[int | None, typer.Option(help="The checkpoint behind this batch; the newest by default.")] = None,
) -> None:
    """Copy a checkpoint into another namespace, for a what-if."""
    call.run("recovery", "fork", chosen=place(namespace, store, checkpoint_dir), name=name, batch=batch)


def rescale(
    call: Common,
    shards: Annotated[list[str], typer.Argument(metavar="NAME=PARTITIONS...", help="The new ones, like left=0-1,4.")],
    rows: Annotated[str, typer.Option(metavar="URL", help="Topic of the new ones' rows: kafka://host:port/topic.")],
    namespace: OfNamespace = None,
    checkpoint_dir: OfFolder = None,
    store: OfStore = None,
) -> None:
    """Deal the state of the feature processes of `split.shards` to others; all are stopped."""
    call.run("recovery", "rescale", chosen=place(namespace, store, checkpoint_dir), shards=shards, rows=rows)
