"""What a run is that trains a version on."""

from __future__ import annotations

from typing import Any, Final

from models.jobs.record import Task
from models.metadata import Metadata

REPLAYED: Final = 0.3  # share of the samples that are drawn from what the version knows; the others are newer


def onward(metadata: Metadata, **given: Any) -> Task:
    """Return the run that begins with a version's weights, columns and scaling. `given` are fields of the task."""
    settings = {"train.replay": REPLAYED, **given.pop("settings", {}), "train.source": metadata.version}
    return Task(
        timeframe=metadata.timeframe, model="+".join(metadata.members), horizon=metadata.primary, settings=settings,
        **given,
    )  # fmt: skip
