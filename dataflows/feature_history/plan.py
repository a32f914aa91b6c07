"""What the rows of a build depend on, and what a build says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dataflows.feature_history.manifest import Manifest
from dataflows.feature_history.replay import Input
from features.catalogue import Group, column_fingerprint, fingerprint
from ops.settings import Settings

FORMAT: Final = 2  # of the rows between the passes: a build is finished by the version that began it
_SECTIONS: Final = ("universe", "gate", "order", "bars", "features", "sentiment")  # settings that rows depend on


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did."""

    complete: bool
    rows: int
    days: int
    symbols: int
    columns: int
    shards: int
    fingerprint: str
    seconds: float  # of this call


def plan_of(settings: Settings, ticks: Input, groups: Sequence[Group]) -> dict[str, Any]:
    """Return what the rows depend on, as JSON holds it. Raises BadFile for a file that can't be read."""
    source = ticks.open(settings)
    files = [str(mark) for mark in source.position()["files"]]
    source.close()
    return {
        "format": FORMAT, "files": files, "from": ticks.start, "to": ticks.end, "fingerprint": fingerprint(groups),
        **{name: getattr(settings, name).model_dump(mode="json") for name in _SECTIONS},
    }  # fmt: skip


def about(groups: Sequence[Group]) -> dict[str, Any]:
    """Return what the files say of their columns."""
    return {
        "fingerprint": fingerprint(groups),
        "fingerprints": {
            column.name: column_fingerprint(group, column) for group in groups for column in group.columns
        },
    }


def report_of(manifest: Manifest | None, groups: Sequence[Group], seconds: float) -> Report:
    """Return how far a build came; None is one that was stopped before it had a plan."""
    columns, mark = sum(len(group.columns) for group in groups), fingerprint(groups)
    if manifest is None:
        return Report(False, 0, 0, 0, columns, 0, mark, round(seconds, 3))
    rows, days, symbols, shards = sum(manifest.days.values()), manifest.days, manifest.universe, manifest.shards
    return Report(manifest.complete, rows, len(days), len(symbols), columns, len(shards), mark, round(seconds, 3))
