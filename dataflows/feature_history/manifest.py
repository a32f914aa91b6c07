"""What a build was asked for and how far it came: one JSON file, replaced whole."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from dataflows.feature_history.survey import Survey

NAME: Final = "_build.json"  # readers of Parquet folders pass over names that begin with _


class BuildMismatch(ValueError):
    """The folder holds another build, or one that nobody asked to go on with."""


class BuildFailed(RuntimeError):
    """A worker met an input that it can't read."""


@dataclass
class Manifest:
    """A build's plan and progress."""

    plan: dict[str, Any]  # what the rows depend on
    universe: dict[str, int]  # ticks of each symbol, in the order of ids
    began: list[int]  # ns UTC of the first ordered tick of each lane, -1 for none
    read: int  # ticks of all
    shards: list[list[str]]
    staged: dict[str, int] = field(default_factory=dict)  # rows of each finished shard
    days: dict[str, int] = field(default_factory=dict)  # rows of each finished day, by days since 1970
    complete: bool = False

    @property
    def survey(self) -> Survey:
        """What was found before the first pass."""
        return Survey(self.universe, self.began, self.read)

    def write(self, out: Path) -> None:
        """Replace the file in `out`."""
        beside = out / f".{NAME}"
        beside.write_text(json.dumps(asdict(self)))
        os.replace(beside, out / NAME)

    @staticmethod
    def read_from(out: Path, plan: dict[str, Any], resume: bool) -> Manifest | None:
        """Return the manifest of a build to go on with, None where there is none.

        Raises BuildMismatch where the folder holds a build and `resume` is False, or one of another plan.
        """
        path = out / NAME
        if not path.is_file():
            if out.is_dir() and any(out.glob("timeframe=*")):
                raise BuildMismatch(
                    f"folder {out}: it holds timeframe=… folders and no {NAME}, expected an empty folder or a build "
                    "of this program; choose another with --out"
                )
            return None
        if not resume:
            raise BuildMismatch(
                f"folder {out}: it holds a build already; go on with it with --resume, remove it, or choose another "
                "with --out"
            )
        found = Manifest(**json.loads(path.read_text()))
        other = [key for key in sorted(plan.keys() | found.plan.keys()) if plan.get(key) != found.plan.get(key)]
        if other:
            raise BuildMismatch(
                f"folder {out}: its build has {other[0]} {_short(found.plan.get(other[0]))}, this one "
                f"{_short(plan.get(other[0]))}; resume with the files and settings it was begun with, or choose "
                "another folder with --out"
            )
        return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
