"""`undertone run`: the live dataflow under Bytewax, until Ctrl-C or for a time."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import asdict

from dataflows.batch import Batch
from dataflows.live import assemble_live
from ops import metrics
from ops.commands.replay import drive
from ops.drain import Drain
from ops.log import logger
from ops.meter import Meter
from ops.retraining import retraining_of
from ops.settings import Settings
from ops.tables import print_json

_SAY_EVERY = 30.0  # seconds between lines


def run(
    settings: Settings, *, json: bool, drain: Drain, duration_s: float | None, engine: str, restarts: int = 0
) -> int:
    """Run, resumed where a checkpoint is there, and print the totals at the end."""
    log, said = logger("run"), time.monotonic()

    def on_batch(batch: Batch) -> None:
        nonlocal said
        meter.note(batch)
        if retraining is not None:
            retraining.note(batch)
        if time.monotonic() - said >= _SAY_EVERY:
            said = time.monotonic()
            counts = flow.tally.counts
            log.info("running", ticks=counts.ticks_read, bars=counts.bars, predictions=counts.predictions)

    metrics.RESTARTS.set(restarts)
    metrics.serve(settings.metrics.host, settings.metrics.port)
    flow = assemble_live(settings, on_batch)
    meter, retraining = Meter(flow), retraining_of(settings)
    ends = math.inf if duration_s is None else time.monotonic() + duration_s

    def drain_asked() -> bool:
        meter.look()
        return drain.asked or time.monotonic() >= ends

    flow.pipeline.drain_asked = drain_asked
    log.info("started", batch=flow.pipeline.number, source=settings.source.url, store=settings.store.url)
    gc.freeze()  # a collection of all that was imported would stop the flow for 0.4 s
    try:
        drive(flow, engine)
    finally:
        flow.close()
        if retraining is not None:
            retraining.close()
    totals = {**asdict(flow.tally.counts), "certificate": flow.certifier.certificate().digest}
    if json:
        print_json(totals)
    else:
        log.info("drained", **totals)
    return 0
