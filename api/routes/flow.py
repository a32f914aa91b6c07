"""How the dataflow does: its report, lags and queues, and how long each stage takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from fastapi import APIRouter, Request

from api.answers.health import Flow
from api.parameters import ReaderParameter, now
from api.problems import FiniteJSON, declared
from api.reader import Reader
from api.run import run_state
from ops import latency

router = APIRouter(prefix="/api/v1", tags=["health"])

_GAUGES: Final = (
    "watermark_lag_seconds", "source_lag_messages", "ticks_waiting", "store_lag_batches", "store_spool_bytes",
    "bus_waiting_messages", "checkpoint_age_seconds",
)  # fmt: skip
_ROWS: Final = 200  # of one series a timeframe: all symbols of a bar time have the same stamps


@router.get("/flow", response_model=Flow, responses=declared(503))
def flow(request: Request, reader: ReaderParameter) -> FiniteJSON:
    """Return the dataflow's last report, and its lags and latencies from its metrics, or from stored predictions."""
    status, metrics = reader.status(), request.app.state.dataflow.metrics()
    tiers = sorted(((status or {}).get("tiers") or {}).items())
    return FiniteJSON({
        "run": run_state(status, now()),
        "tiers": [{"timeframe": name, "answers": tier, "full": full} for name, (tier, full) in tiers],
        "gauges": latency.gauges(metrics, _GAUGES) if metrics else None,
        "stored": [asdict(span) for span in latency.of_rows(_newest(reader))],
        "process": [asdict(span) for span in latency.of_metrics(metrics)] if metrics else None,
    })  # fmt: skip


def _newest(reader: Reader) -> list[dict[str, Any]]:
    """Return the newest predictions of one series of each timeframe."""
    one = {timeframe: symbol for symbol, timeframe in reversed(reader.series("predictions"))}
    return [
        row for name, symbol in one.items() for row in reader.past_predictions(symbol, name, None, None, _ROWS, None)
    ]
