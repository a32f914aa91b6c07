"""The state of feature processes, dealt anew: every array has symbols on one axis, lanes are renumbered.

A symbol belongs to the lane of its ticks, so a lane moves with the state of its symbols. What a process counted is
added up and given to the first new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dataflows.interfaces import Snapshot
from dataflows.sources.items import ItemLog
from dataflows.split.newcomer import Newcomer
from dataflows.split.share import NotRegroupable, Part, Share
from features.engine import FeatureEngine

Shares = Mapping[str, Sequence[int]]  # the partitions of each new process


def regrouped(
    parts: Sequence[Part], shares: Shares, engine: Callable[[], FeatureEngine], log: ItemLog
) -> dict[str, Snapshot]:
    """Return the snapshots of new processes, each with the partitions that `shares` says; `position` is left out.

    `engine` makes an empty feature engine of their columns. All parts stand at one watermark. Raises NotRegroupable
    where they don't, or where the shares aren't exactly the parts' partitions, each once.
    """
    _check(parts, shares)
    homes = [_homes(part) for part in parts]
    number = max(int(part.snapshot["number"]) for part in parts)
    return {
        name: {
            **{key: value for key, value in parts[0].snapshot.items() if key not in ("position", "stations")},
            "number": number,
            "stations": Newcomer(Share(parts, homes, tuple(shares[name])), engine, log, first=k == 0).stations(),
        }
        for k, name in enumerate(shares)
    }


def _check(parts: Sequence[Part], shares: Shares) -> None:
    old = sorted(partition for part in parts for partition in part.partitions)
    new = sorted(partition for share in shares.values() for partition in share)
    if old != new or not all(shares.values()):
        raise NotRegroupable(
            f"the new processes have the partitions {new}, the old ones have {old}; give each of these to one process"
        )
    for key in ("schema_version", "fingerprint"):
        if len({part.snapshot[key] for part in parts}) > 1:
            raise NotRegroupable(f"the processes differ in {key}; run all with one version and the same settings")
    marks = {part.name: part.of("order")["buffer"]["watermark"] for part in parts}
    if len(set(marks.values())) > 1:
        raise NotRegroupable(f"the processes stand at different watermarks, {marks} ns; bring all to the greatest")


def _homes(part: Part) -> list[int | None]:
    """Return the partition of each symbol, None where the process has no tick of it that counts."""
    buffer, shown = part.of("order")["buffer"], part.of("bars")["builder"]["symbols"]
    waiting = dict(zip(buffer["waiting"]["symbol"].tolist(), buffer["waiting"]["lane"].tolist()))
    homes: list[int | None] = []
    for k in range(len(part.names)):
        seen = k < len(shown) and shown["lane_began"][k] >= 0
        lane = int(shown["lane"][k]) if seen else waiting.get(k)
        homes.append(None if lane is None else part.partitions[lane])
    return homes
