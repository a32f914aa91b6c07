"""The state of the dataflow, told from its last report."""

from __future__ import annotations

from typing import Any, Final

from schema.timeframes import SECOND
from schema.times import iso

SILENT_AFTER: Final = 10 * SECOND


def run_state(status: dict[str, Any] | None, at: int) -> dict[str, Any]:
    """Return state, times, totals and rates at wall-clock time `at` (ns UTC); rates of a run that goes on only."""
    if status is None:
        return {
            "state": "unknown", "detail": "no dataflow has reported to this store", "age_seconds": None, "at": None,
            "watermark": None, "totals": {}, "rates": {}, "model_version": None,
        }  # fmt: skip
    age = at - status["at"]
    state = "ended" if status["ended"] else "silent" if age > SILENT_AFTER else "running"
    return {
        "state": state,
        "detail": {
            "running": "it reports",
            "ended": "its input ended",
            "silent": "it hasn't reported for a while: stopped, or no ticks arrive",
        }[state],
        "age_seconds": age / SECOND,
        "at": iso(status["at"]),
        "watermark": iso(status["watermark"]),
        "totals": status["totals"],
        "rates": status["rates"] if state == "running" else {},
        "model_version": status["model_version"],
    }
