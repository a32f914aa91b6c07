"""What the settings say of the QuestDB store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dataflows.sinks.questdb.spool import SEGMENT_BYTES


@dataclass(frozen=True, slots=True)
class QuestDbOptions:
    """See the settings of the section `store`."""

    spool: Path = Path("var/spool")
    spool_bytes: int = 1 << 30
    retention_days: Mapping[str, int] = field(default_factory=dict)  # by table; one that is missing is kept for ever
    patience: float = 10.0  # seconds for the server to answer
    segment_bytes: int = SEGMENT_BYTES
