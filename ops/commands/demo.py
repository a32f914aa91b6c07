"""`undertone demo`: the whole system on a synthetic market, with no server."""

from __future__ import annotations

import shutil
import time
import webbrowser
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.sources.synthetic import SyntheticMarket
from ops import metrics
from ops.commands.api import check_free
from ops.demo import first_model
from ops.demo.service import serving
from ops.demo.view import Latency, View
from ops.drain import Drain
from ops.meter import Meter
from ops.settings import Settings
from ops.tables import print_json
from schema.timeframes import SECOND

FOLDER: Final = Path("var/demo")
TIMEFRAMES: Final = ("1s", "1m")
WARM_UP_SECONDS: Final = 300  # of market that the flow catches up with before it is live


def run(
    settings: Settings,
    *,
    json: bool,
    drain: Drain,
    duration_s: float | None,
    symbols: int,
    seed: int,
    open_browser: bool,
) -> int:
    """Run until Ctrl-C or for `duration_s`, then print a summary."""
    check_free(settings.api.host, settings.api.port)
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = _settings(settings)
    _forget_last_time()
    first_model.ensure(settings, TIMEFRAMES[0], symbols, seed)
    opened = (time.time_ns() // SECOND - WARM_UP_SECONDS) * SECOND
    market = SyntheticMarket(symbols, seed=seed, start_ns=opened, opened_ns=opened, pace=1.0)
    view = View(f"http://{settings.api.host}:{settings.api.port}")
    began = time.monotonic()
    flow: Flow

    def on_batch(batch: Batch) -> None:
        view.on_batch(batch)
        meter.note(batch)
        over = duration_s is not None and time.monotonic() - began >= duration_s
        flow.pipeline.draining = drain.asked or over

    metrics.serve(settings.metrics.host, settings.metrics.port)
    flow = assemble(settings, market, checkpoint_folder=FOLDER / "checkpoints", on_batch=on_batch)
    meter = Meter(flow)
    try:
        with serving(settings, FOLDER / "api.log") as address:
            print(f"page: {address}")
            if open_browser:
                webbrowser.open(address)
            view.start(flow)
            flow.pipeline.run()
            view.stop()
            flow.finish()
    finally:
        view.stop()
        flow.close()
    _print(flow, view, time.monotonic() - began, json)
    return 0


def _settings(settings: Settings) -> Settings:
    """Keep everything of the demo in its own folder, with short bars and a short wait for stragglers."""
    return settings.model_copy(
        update={
            "bars": settings.bars.model_copy(update={"timeframes": TIMEFRAMES}),
            "order": settings.order.model_copy(update={"bound_ms": 600}),
            "store": settings.store.model_copy(
                update={
                    "url": f"sqlite:///{FOLDER / 'undertone.db'}",
                    "namespace": "live",
                    "features_from_s": 0,
                    "paths_from_s": 0,
                }
            ),
            "bus": settings.bus.model_copy(update={"url": "memory:"}),
            "registry": settings.registry.model_copy(update={"root": FOLDER / "models"}),
            "inference": settings.inference.model_copy(update={"model": "active"}),
        }
    )


def _forget_last_time() -> None:
    """Begin with an empty store: each demo is a market of its own. The model stays."""
    for path in FOLDER.glob("undertone.db*"):
        path.unlink()
    shutil.rmtree(FOLDER / "checkpoints", ignore_errors=True)


def _print(flow: Flow, view: View, seconds: float, json: bool) -> None:
    summary: dict[str, Any] = {
        **asdict(flow.tally.counts),
        "waiting": flow.tally.counts.lost(),
        "seconds": round(seconds, 1),
        "batch_ms": asdict(Latency.of(view.pass_ns)),
        "bar_end_to_prediction_ms": asdict(Latency.of(view.close_ns)),
        "certificate": flow.certifier.certificate().digest,
    }
    if json:
        print_json(summary)
        return
    dead = ", ".join(f"{n:,} {reason}" for reason, n in sorted(flow.tally.counts.ticks_dead.items())) or "none"
    passes, close = Latency.of(view.pass_ns), Latency.of(view.close_ns)
    counts = flow.tally.counts
    print(
        f"\n{seconds:.0f} s: {counts.ticks_read:,} ticks read = {counts.ticks_used:,} used "
        f"+ {counts.ticks_late:,} late "
        f"+ {sum(counts.ticks_dead.values()):,} dead ({dead}) + {counts.lost():,} waiting in the reorder buffer\n"
        f"{counts.bars:,} bars, {counts.feature_rows:,} feature rows, {counts.predictions:,} predictions\n"
        f"batch through the flow {passes}; bar end to prediction {close}\n"
        f"rows: {FOLDER / 'undertone.db'}; certificate {summary['certificate']}"
    )
