"""Meter: what a running flow did, batch by batch, as metrics. It reads, and changes nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import numpy as np

from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.sinks.state import NAMES as STATES
from dataflows.sinks.state import SinkState
from dataflows.stations.actions import IGNORED
from ops import metrics
from schema.alerts import AlertState
from schema.ticks import HEARTBEAT, count

STAGES: Final = ("closed", "features", "inference_started", "inference_done", "enqueued", "published", "written")
_NS: Final = 1e-9


class Meter:
    """Call `note` behind every batch (as the pipeline's `on_batch`)."""

    def __init__(self, flow: Flow, clock: Callable[[], int] = time.time_ns) -> None:
        """Measure `flow`; `clock` gives wall-clock ns."""
        self.flow, self.clock = flow, clock
        self._names = [timeframe.name for timeframe in flow.timeframes]
        # looked up once: a look-up of a label takes longer than to count
        self._stations = {name: metrics.STATION_SECONDS.labels(name) for name in flow.pipeline.seconds}
        self._bars = [(metrics.BARS.labels(name), metrics.FEATURE_ROWS.labels(name)) for name in self._names]
        self._stages_of = {stage: metrics.STAGE_SECONDS.labels(stage) for stage in STAGES}
        self._passes = {part: metrics.PASS_SECONDS.labels(part) for part in ("bars", "ticks", "ticks_flushing")}
        self._spent = dict(flow.pipeline.seconds)
        self._closed = dict(flow.barrier.barrier.reasons)
        self._written = 0.0  # when the newest checkpoint that was seen was written
        self._part = ""  # what the batch before was, for its pass
        self._unwritten: deque[tuple[int, int]] = deque()  # batch number, when its rows were enqueued (ns)
        self._watermark = 0  # ns UTC
        self._show_what_changes_without_batches()
        self._rejected = self._dropped = 0  # rows and messages, as the sinks last said
        self._tiers: dict[str, str] = {}  # timeframe -> the tier that answers
        self._models: dict[str, str] = {}  # timeframe -> the version that predicts

    def note(self, batch: Batch) -> None:
        """Add one batch."""
        store = self.flow.store.state()
        metrics.BATCHES.inc()
        self._pass(batch, store.waiting > 0)
        self._ticks(batch)
        self._rows(batch)
        self._scores(batch)
        self._alerts(batch)
        self._stations_and_barriers()
        self._checkpoint()
        self._stages(batch)
        self.look()
        metrics.STORE_LAG.set(batch.number - self.flow.store.acknowledged())
        self._sinks(store, self.flow.bus.state())
        self._watermark = max(self._watermark, batch.watermark)

    def _pass(self, batch: Batch, flushing: bool) -> None:
        """Note the pass before: this one hasn't ended."""
        if self._part:
            self._passes[self._part].observe(self.flow.pipeline.pass_seconds)
        self._part = "bars" if len(batch.bars.time) else "ticks_flushing" if flushing else "ticks"

    def look(self) -> None:
        """Note what the store has acknowledged by now; call it while nothing arrives as well."""
        if self._unwritten:
            acknowledged, now = self.flow.store.acknowledged(), self.clock()
            while self._unwritten and self._unwritten[0][0] <= acknowledged:
                self._stages_of["written"].observe(_seconds(self._unwritten.popleft()[1], now))

    def _show_what_changes_without_batches(self) -> None:
        """Let these be read when they are asked for: while the flow waits for a server there is no batch to note."""
        metrics.CHECKPOINT_AGE.set_function(self._checkpoint_age)
        metrics.WATERMARK_LAG.set_function(self._watermark_lag)
        metrics.STORE_STATE.set_function(lambda: STATES.index(self.flow.store.state().name))
        metrics.STORE_SPOOL.set_function(lambda: self.flow.store.state().waiting)
        metrics.BUS_STATE.set_function(lambda: STATES.index(self.flow.bus.state().name))
        metrics.BUS_WAITING.set_function(lambda: self.flow.bus.state().waiting)

    def _stages(self, batch: Batch) -> None:
        """Measure the way of a batch's predictions. Stages of one batch share their stamps, so it counts once."""
        if not batch.predictions or not batch.stamps.received:
            return
        made, stamps = batch.predictions[0], batch.stamps
        at = {
            "received": stamps.received,
            "closed": stamps.closed,
            "features": stamps.features_ready,
            "inference_started": made.inference_started,
            "inference_done": made.inference_done,
            "enqueued": stamps.enqueued,
            "published": stamps.published,
        }
        for (_, before), (stage, after) in pairwise(at.items()):
            if after:
                self._stages_of[stage].observe(_seconds(before, after))
        metrics.PREDICTION_SECONDS.observe(_seconds(stamps.received, stamps.enqueued))
        metrics.CLOSE_SECONDS.observe(_seconds(int(made.time.max()), stamps.enqueued))
        self._unwritten.append((batch.number, stamps.enqueued))

    def _checkpoint_age(self) -> float:
        checkpoints = self.flow.pipeline.checkpoints
        return 0.0 if checkpoints is None or not checkpoints.last_written else time.time() - checkpoints.last_written

    def _watermark_lag(self) -> float:
        return (self.clock() - self._watermark) * _NS if self._watermark else 0.0

    def _ticks(self, batch: Batch) -> None:
        if batch.arrivals is not None:
            kind = batch.arrivals.ticks.kind
            metrics.TICKS_READ.inc(len(kind) - int(np.count_nonzero(kind == HEARTBEAT)))
        metrics.TICKS_USED.inc(count(batch.ticks))
        metrics.TICKS_LATE.inc(count(batch.late))
        for letter in batch.dead:
            metrics.TICKS_DEAD.labels(str(letter.reason)).inc()
        for event in batch.events:
            metrics.MARKET_EVENTS.labels(str(event.kind), "yes" if IGNORED in event.details else "no").inc()
        metrics.TICKS_WAITING.set(self.flow.tally.counts.lost())

    def _rows(self, batch: Batch) -> None:
        if len(batch.bars.time):
            counts = np.bincount(batch.bars.timeframe, minlength=len(self._bars)).tolist()
            for (bars, rows), n in zip(self._bars, counts):
                bars.inc(n)
                rows.inc(0 if batch.features is None else n)
        champions: dict[str, str] = {}
        for predictions in reversed(batch.predictions):  # the champion's come first, so they are written last
            if n := len(predictions.timeframe):
                name = self._names[predictions.timeframe[0]]
                metrics.PREDICTIONS.labels(name).inc(n)
                champions[name] = predictions.model_version
                self._tier(name, predictions.tier, predictions.full_tier)
        self._swap(champions)

    def _scores(self, batch: Batch) -> None:
        for score in batch.scores:
            labels = self._names[score.timeframe], score.version
            if score.accuracy is not None:
                metrics.MODEL_ACCURACY.labels(*labels).set(score.accuracy)
            if score.brier is not None:
                metrics.MODEL_BRIER.labels(*labels).set(score.brier)

    def _alerts(self, batch: Batch) -> None:
        for alert in batch.alerts:
            if alert.state != AlertState.CLEARED:
                metrics.ALERTS.labels(self._names[alert.timeframe], str(alert.kind)).inc()

    def _swap(self, champions: dict[str, str]) -> None:
        for timeframe, version in champions.items():
            before = self._models.get(timeframe)
            if before != version:
                metrics.MODEL_INFO.labels(timeframe, version).set(1)
                self._models[timeframe] = version
                if before is not None:
                    metrics.MODEL_INFO.labels(timeframe, before).set(0)
                    metrics.MODEL_SWAPS.labels(timeframe).inc()

    def _tier(self, timeframe: str, tier: str, full_tier: str) -> None:
        metrics.DEGRADED.labels(timeframe).set(tier != full_tier)
        before = self._tiers.get(timeframe)
        if before != tier:
            self._tiers[timeframe] = tier
            metrics.TIER.labels(timeframe, tier).set(1)
            if before is not None:
                metrics.TIER.labels(timeframe, before).set(0)

    def _stations_and_barriers(self) -> None:
        for name, spent in self.flow.pipeline.seconds.items():
            self._stations[name].observe(spent - self._spent[name])
            self._spent[name] = spent
        for reason, n in self.flow.barrier.barrier.reasons.items():
            if n != (closed := self._closed.get(reason, 0)):
                metrics.BARRIERS.labels(str(reason)).inc(n - closed)
                self._closed[reason] = n

    def _sinks(self, store: SinkState, bus: SinkState) -> None:
        metrics.STORE_REJECTED.inc(store.rejected - self._rejected)
        metrics.BUS_DROPPED.inc(bus.rejected - self._dropped)
        self._rejected, self._dropped = store.rejected, bus.rejected

    def _checkpoint(self) -> None:
        checkpoints = self.flow.pipeline.checkpoints
        if checkpoints is None or checkpoints.last_written == self._written:
            return
        self._written = checkpoints.last_written
        metrics.CHECKPOINT_TIME.set(self._written)
        metrics.CHECKPOINT_BYTES.set(checkpoints.last_size)
        metrics.CHECKPOINT_SECONDS.observe(self.flow.pipeline.cut_seconds)


def _seconds(before: int, after: int) -> float:
    """Return what lies between two readings of the wall clock (ns), 0 where it was stepped back between them."""
    return max(after - before, 0) * _NS
