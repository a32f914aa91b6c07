"""`undertone recovery`: the checkpoints of a namespace, looked at, moved aside, copied for a what-if."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Any

from dataflows.assembly.feature_groups import groups_of
from dataflows.checkpoints import recovery
from dataflows.checkpoints.recovery import Found, Survey
from dataflows.live import checkpoint_folder
from features.catalogue import fingerprint
from ops.errors import UsageError
from ops.settings import Settings
from ops.tables import print_json, print_table
from schema.kafka import partition_set
from schema.times import iso


def inspect(settings: Settings, *, json: bool) -> int:
    """Print the namespace's checkpoints, and which one the next start takes."""
    store = settings.store
    found = recovery.survey(
        checkpoint_folder(settings), store.url, store.namespace, fingerprint(groups_of(settings))
    )  # fmt: skip
    if json:
        print_json(_answer(found))
    else:
        _print(found)
    return 0


def reset(settings: Settings, *, json: bool, yes: bool) -> int:
    """Move checkpoints and rows aside after asking."""
    store, folder = settings.store, checkpoint_folder(settings)
    if not yes and not _confirmed(f"Move checkpoints {folder} and the rows of namespace {store.namespace!r} aside?"):
        raise UsageError("recovery reset: nothing was moved; say --yes where there is no terminal to ask")
    moved = recovery.reset(folder, store.url, store.namespace)
    if json:
        print_json(moved)
    else:
        rows = moved["rows"]
        print(f"checkpoints: moved to {moved['checkpoints']}")
        print("rows: none there" if rows is None else f"rows: moved to namespace {rows} of the same store")
        print("the next start begins anew")
    return 0


def fork(settings: Settings, *, json: bool, name: str, batch: int | None) -> int:
    """Copy a checkpoint into another namespace."""
    store = settings.store
    copied = recovery.fork(
        checkpoint_folder(settings), store.url, store.namespace, name, batch,
        say=lambda line: print(f"undertone: passed over: {line}", file=sys.stderr),
    )  # fmt: skip
    if json:
        print_json({"namespace": name, **_shown(copied)})
    else:
        print(f"namespace {name}: begins behind batch {copied.batch}; run it with --set store.namespace={name}")
    return 0


def rescale(settings: Settings, *, json: bool, shards: list[str], rows: str) -> int:
    """Deal the state of the feature processes to others."""
    from dataflows.split.rescale import rescale as deal

    done = deal(settings, _shares(shards), rows, say=lambda line: print(f"undertone: {line}", file=sys.stderr))
    if json:
        print_json({**done._asdict(), "rows": rows})
        return 0
    print(f"all stand at {iso(done.watermark)}, behind batch {done.batch}; start from now on with")
    print(f"  split.shards={','.join(done.shards)} split.url={rows}, the inference process too, and")
    for name, partitions in done.shards.items():
        print(f"  --topology features --shard {name} with source.partitions={','.join(map(str, partitions))}")
    for folder in done.aside:
        print(f"checkpoints of an old process: moved to {folder}")
    return 0


def _shares(shards: list[str]) -> dict[str, list[int]]:
    """Read `left=0-1 right=2,3`. Raises UsageError."""
    found: dict[str, list[int]] = {}
    for text in shards:
        name, _, partitions = text.partition("=")
        try:
            chosen = partition_set(partitions)
        except ValueError as error:
            raise UsageError(f"recovery rescale: {text!r}: {error}") from None
        if not name or chosen is None or name in found:
            raise UsageError(f"recovery rescale: {text!r} is not understood; expected NAME=PARTITIONS, like left=0-1,4")
        found[name] = list(chosen)
    return found


def _confirmed(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _answer(found: Survey) -> dict[str, Any]:
    taken = found.next_start
    return {
        **asdict(found),
        "checkpoints": [_shown(checkpoint) for checkpoint in found.checkpoints],
        "next_start": None if taken is None else taken.file,
    }


def _shown(found: Found) -> dict[str, Any]:
    lag = None if found.watermark is None or found.watermark <= 0 else found.written - found.watermark / 1e9
    return {
        **asdict(found),
        "watermark": None if lag is None else iso(found.watermark or 0),
        "watermark_lag_seconds": lag,
        "age_seconds": time.time() - found.written,
    }


def _print(found: Survey) -> None:
    taken, store = found.next_start, found.store
    running = "no dataflow runs" if found.running is None else f"process {found.running} runs"
    print(f"folder {found.folder}: {running}; columns {found.fingerprint}")
    print(store.problem or f"store: at batch {store.batch:,}, newest prediction {store.sequence or 'none'}")
    rows = [(*_cells(_shown(one)), "next start" if one is taken else "") for one in found.checkpoints]
    if rows:
        print_table(["checkpoint", "batch", "watermark", "lag", "prediction", "MB", "age", "position", "fit", ""], rows)
    if taken is None:
        print("no checkpoint can be resumed; `undertone recovery reset` moves everything aside for a run from anew")
    elif taken.misfit:
        print(f"the next start is refused: {taken.misfit}")


def _cells(shown: dict[str, Any]) -> tuple[Any, ...]:
    lag = shown["watermark_lag_seconds"]
    position = ", ".join(f"{key} {value}" for key, value in (shown["position"] or {}).items())
    fit = shown["damage"] or shown["misfit"] or ("the store lacks rows before it" if shown["beyond_store"] else "fits")
    return (
        shown["file"],
        shown["batch"],
        shown["watermark"],
        None if lag is None else f"{lag:,.1f} s",
        shown["sequence"],
        f"{shown['bytes'] / 1e6:.1f}",
        f"{shown['age_seconds']:,.0f} s",
        position if len(position) <= 120 else position[:117] + "...",
        fit,
    )
