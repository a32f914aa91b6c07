"""`undertone bench`: the benchmark card."""

from __future__ import annotations

import os
from pathlib import Path

from ops.settings import Settings
from ops.tables import print_json


def run(settings: Settings, *, json: bool) -> int:
    """Measure and print. The recorded day is left out where UNDERTONE_DATA is unset."""
    from benchmarks.card import card, measure

    data = os.environ.get("UNDERTONE_DATA")
    rows = measure(3, Path(data) if data else None)
    if json:
        print_json({"card": [{"what": what, "measured": figure, "target": target} for what, figure, target in rows]})
    else:
        print(card(rows, 3))
    return 0
