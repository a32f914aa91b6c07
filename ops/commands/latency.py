"""`undertone latency`: percentiles of every stage, live or of what is stored; `explain` one prediction."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from dataclasses import asdict
from typing import Any

from dataflows.stored import open_place
from ops import latency
from ops.drain import Drain
from ops.errors import CommandFailed, DependencyAway
from ops.latency import Span
from ops.settings import Settings
from ops.tables import print_json, print_table

EVERY = 2.0  # seconds between two looks
GAUGES = (
    "ticks_waiting", "store_lag_batches", "watermark_lag_seconds", "checkpoint_age_seconds", "checkpoint_bytes",
    "ticks_late_total", "ticks_dead_total", "barriers_total",
)  # fmt: skip


def run(settings: Settings, *, json: bool, drain: Drain, follow: bool, last: int, duration_s: float | None) -> int:
    """Print the stages of the newest stored predictions and of the running process; with `follow` again and again."""
    ends = None if duration_s is None else time.monotonic() + duration_s
    while True:
        answer = _answer(settings, last)
        if json:
            print_json(answer)
        else:
            _print(answer, settings)
        if not follow or drain.asked or (ends is not None and time.monotonic() >= ends):
            return 0
        _wait(drain, ends)


def explain(settings: Settings, *, json: bool, prediction_id: str) -> int:
    """Print one prediction's way through the stages."""
    store = settings.store
    try:
        key = latency.parse_id(prediction_id)
        found = open_place(store.url, store.namespace).newest("predictions", 1, **key)
    except ValueError as error:
        raise CommandFailed(f"latency: {error}") from None
    if not found:
        raise CommandFailed(
            f"latency: store {store.url}, namespace {store.namespace!r} has no prediction {prediction_id!r}; "
            "GET /predictions/latest shows ids, --namespace and --store name another place"
        )
    row, moments = found[0], latency.timeline(found[0])
    if json:
        print_json({"prediction_id": prediction_id, "tier": row["tier"], "stages": [asdict(m) for m in moments]})
        return 0
    print(f"{row['symbol']} {row['timeframe']}, model {row['model_version']}, tier {row['tier']}, last tick "
          f"{row['source']} partition {row['partition']} offset {row['offset']}")  # fmt: skip
    print_table(
        ["stage", "at", "ms", "ms since received"],
        [(m.stage, m.at, _ms(m.since_previous_ms), _ms(m.since_received_ms)) for m in moments],
    )
    return 0


def _answer(settings: Settings, last: int) -> dict[str, Any]:
    store, text = settings.store, _scraped(settings)
    try:
        rows = open_place(store.url, store.namespace).newest("predictions", last)
    except ValueError as error:
        if text is None:
            raise DependencyAway(f"latency: {error}; and no dataflow answers at {_address(settings)}") from None
        rows = []
    return {
        "stored": [asdict(span) for span in latency.of_rows(rows)],
        "process": None if text is None else [asdict(span) for span in latency.of_metrics(text)],
        "gauges": None if text is None else latency.gauges(text, GAUGES),
    }


def _address(settings: Settings) -> str:
    return f"http://{settings.metrics.host}:{settings.metrics.port}/metrics"


def _scraped(settings: Settings) -> str | None:
    """Return the metrics of the running dataflow, None where none answers."""
    if not settings.metrics.port:
        return None
    try:
        with urllib.request.urlopen(_address(settings), timeout=2.0) as answer:
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, OSError):
        return None


def _wait(drain: Drain, ends: float | None) -> None:
    until = time.monotonic() + EVERY
    while not drain.asked and time.monotonic() < min(until, ends or until):
        time.sleep(0.05)


def _print(answer: dict[str, Any], settings: Settings) -> None:
    stored = answer["stored"]
    print(f"the newest {stored[0]['count']:,} stored predictions of namespace {settings.store.namespace}, in ms")
    _table(stored)
    if answer["process"] is None:
        print(f"no dataflow answers at {_address(settings)}")
        return
    print("the running process since its start, in ms (between the bounds of its histograms)")
    _table(answer["process"])
    print(", ".join(f"{name.removesuffix('_total').replace('_', ' ')} {value:,.6g}"
                    for name, value in answer["gauges"].items()))  # fmt: skip


def _table(spans: list[dict[str, Any]]) -> None:
    rows = [Span(**span) for span in spans]
    print_table(
        ["stage", "n", "p50", "p90", "p99", "worst"],
        [(r.name, r.count, _ms(r.p50), _ms(r.p90), _ms(r.p99), _ms(r.worst)) for r in rows],
    )


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}"
