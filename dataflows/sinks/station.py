"""The last station: what a batch brought goes to the store and to the bus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.sinks import rows
from dataflows.sinks.bus import Bus
from dataflows.sinks.serving import Serving
from dataflows.sinks.stores import OpenedStore
from schema.alerts import alert_message
from schema.channels import ALERTS
from schema.events import Decision, DecisionKind
from schema.predictions import Predictions
from schema.reasons import Verdict
from schema.stores import LIVE, of_writer
from schema.ticks import count
from schema.timeframes import SECOND, Timeframe

STATUS: Final = "status"  # name in `meta`: totals and rates of the run, at most one a second
COUNTED: Final = ("ticks", "late", "dead", "bars", "features", "predictions")


class Sinks:
    """Writes every batch in one commit, whose number is the batch's, behind publishing its predictions."""

    name = "sinks"

    def __init__(
        self,
        store: OpenedStore,
        bus: Bus,
        *,
        symbols: Sequence[str] | Callable[[], Sequence[str]],
        timeframes: Sequence[Timeframe],
        origin: rows.Origin,
        fingerprint: str,
        clock: Callable[[], int],
        features_from: float = 60.0,
        store_ticks: bool = False,
        namespace: str = LIVE,
        writer: str = "",
    ) -> None:
        """Write to `store` and `bus`.

        `symbols` gives the names by id and may grow. `origin` is the source's. `clock` returns wall-clock ns: its
        readings reach stamps and the status, nothing else. Feature rows are written for timeframes of nominally at
        least `features_from` seconds; activity bars count as 0 seconds. The store was opened with the names of the
        features in their order.
        """
        self._store, self._bus, self._symbols, self._origin = store, bus, symbols, origin
        self._fingerprint, self._clock, self._store_ticks = fingerprint, clock, store_ticks
        self._timeframes = np.array([timeframe.name for timeframe in timeframes], object)
        self._with_features = np.array([t.nominal_ns >= features_from * SECOND for t in timeframes], np.bool_)
        self._names = np.zeros(0, object)
        self._encode = msgspec.json.Encoder().encode
        self._serving = Serving(bus, self._timeframes, origin, clock, namespace)
        self._status = of_writer(STATUS, writer)
        self._number, self._model = 0, ""
        self._tiers: dict[str, list[str]] = {}  # by timeframe: what answered last, what should
        self._totals = dict.fromkeys(COUNTED, 0)
        self._reported, self._reported_at = dict(self._totals), 0

    def step(self, batch: Batch) -> Batch:
        """Queue the batch's rows, commit."""
        self._number = batch.number
        released = count(batch.ticks)
        if batch.last and batch.watermark > 0:
            self.record(Decision(batch.watermark, DecisionKind.END, "input"))
        self._totals["ticks"] += released
        if not rows.is_empty(batch):
            if batch.served is None:  # no station served it before
                self.serve(batch, batch.predictions)
            batch.stamps.enqueued = batch.stamps.enqueued or self._clock()
            self._append_messages(batch)
            self._append_predictions(batch)
            self._append_market(batch)
            self._append_refused(batch)
            self._append_scored(batch)
            self._append_alerts(batch)
        if released and self._store_ticks:
            self._append("ticks", rows.tick_columns(batch.ticks, Verdict.USED, self._known(), self._origin))
        if released or batch.stamps.enqueued or batch.last:
            self._report(batch)
        self._store.commit(batch.number)
        return batch

    def serve(self, batch: Batch, predictions: Sequence[Predictions]) -> None:
        """Number and publish a batch's predictions, which bear the names of their time; `step` writes them."""
        self._serving.serve(batch, predictions, self._known())

    def record(self, decision: Decision) -> None:
        """Make a decision durable now, before any output depends on it."""
        self._append("decisions", rows.decision_columns([decision]))
        self._store.sync()

    def snapshot(self) -> Snapshot:
        """Return the output sequence, the totals and the champions."""
        return {**self._serving.snapshot(), "number": self._number, "totals": dict(self._totals)}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on numbering and counting there."""
        self._serving.restore(snapshot)
        self._number = int(snapshot["number"])
        self._totals = {name: int(snapshot["totals"][name]) for name in COUNTED}
        self._reported = dict(self._totals)
        self._names = np.zeros(0, object)

    def _known(self) -> rows.Names:
        """Return the symbols' names by id."""
        names = self._symbols() if callable(self._symbols) else self._symbols
        if len(names) != len(self._names):
            self._names = np.array(names, object)
        return self._names

    def _append(self, table: str, columns: dict[str, Any]) -> None:
        self._store.append(table, columns, self._number)

    def _append_market(self, batch: Batch) -> None:
        bars = batch.bars
        if not len(bars.time):
            return
        self._totals["bars"] += len(bars.time)
        self._append("bars", rows.bar_columns(bars, self._known(), self._timeframes))
        if batch.features is None:
            return
        self._totals["features"] += len(bars.time)
        wanted = self._with_features[bars.timeframe]
        if wanted.any():
            columns = rows.feature_columns(
                bars, batch.features, wanted, self._fingerprint, self._known(), self._timeframes
            )
            self._append("features", columns)

    def _append_refused(self, batch: Batch) -> None:
        if late := count(batch.late):
            self._totals["late"] += late
            columns = rows.tick_columns(batch.late, Verdict.LATE, self._known(), self._origin)
            self._append("late_ticks", {**columns, "watermark": batch.late_watermark})
            if self._store_ticks:
                self._append("ticks", columns)
        if batch.dead:
            self._totals["dead"] += len(batch.dead)
            self._append("dead_letters", rows.dead_columns(batch.dead, self._origin))
            if self._store_ticks:
                self._append("ticks", rows.dead_tick_columns(batch.dead, self._origin))

    def _append_messages(self, batch: Batch) -> None:
        if batch.decisions:
            self._append("decisions", rows.decision_columns(batch.decisions))
        if batch.events:
            self._append("events", rows.event_columns(batch.events, self._origin))

    def _append_predictions(self, batch: Batch) -> None:
        """Write what is served."""
        for columns in batch.served or ():
            self._append("predictions", columns)
            self._totals["predictions"] += len(columns["time"])
        for predictions in batch.predictions:
            if len(predictions.row) and not predictions.challenger:
                self._model = predictions.model_version
                timeframe = str(self._timeframes[predictions.timeframe[0]])
                self._tiers[timeframe] = [str(predictions.tier), str(predictions.full_tier or predictions.tier)]

    def _append_scored(self, batch: Batch) -> None:
        """Write what is only scored, what became of earlier predictions, and the scores."""
        for shadow in batch.shadows:
            columns = rows.challenger_columns(shadow, batch.bars, self._known(), self._timeframes)
            self._append("challenger_predictions", columns)
        for outcomes in batch.outcomes:
            self._append("outcomes", rows.outcome_columns(outcomes, self._known(), self._timeframes))
        if batch.scores:
            self._append("scores", rows.score_columns(batch.scores, self._timeframes))

    def _append_alerts(self, batch: Batch) -> None:
        if batch.alerts:
            columns = rows.alert_columns(batch.alerts, self._known(), self._timeframes)
            self._append("alerts", columns)
            self._serving.tell(ALERTS, [alert_message(dict(zip(columns, row))) for row in zip(*columns.values())])

    def _report(self, batch: Batch) -> None:
        """Put totals and rates beside the tables, for whoever watches the run."""
        now = self._clock()
        seconds = (now - self._reported_at) / SECOND
        if 0 <= seconds < 1.0 and not batch.last:  # below 0 the clock was stepped back
            return
        fresh = self._reported_at == 0 or seconds <= 0
        rates = {
            f"{name}_per_second": None if fresh else (self._totals[name] - self._reported[name]) / seconds
            for name in COUNTED
        }
        status = {
            "at": now, "batch": batch.number, "watermark": batch.watermark, "model_version": self._model or None,
            "totals": self._totals, "rates": rates, "ended": batch.last,
            "store": self._store.state()._asdict(), "bus": self._bus.state()._asdict(), "tiers": self._tiers,
        }  # fmt: skip
        self._store.put_meta(self._status, self._encode(status).decode())
        self._reported, self._reported_at = dict(self._totals), now
