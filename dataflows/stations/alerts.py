"""The alerts station: anomalies of the market, and whether the champion still sees and says what it was trained on.

All of it is a function of bars, feature rows and what the champion said of them, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from dataflows.watch.market_watch import MarketWatch
from models.drift.reference import Reference
from models.drift.term import Notice, Rule, Term, said
from ops import metrics
from ops.log import logger
from schema.alerts import Alert, AlertKind, AlertState
from schema.timeframes import Timeframe

_KINDS: Final = {"features": AlertKind.FEATURE_DRIFT, "predictions": AlertKind.PREDICTION_DRIFT}
_STATES: Final = {"raised": AlertState.RAISED, "cleared": AlertState.CLEARED}
ReferenceOf = Callable[[str], Reference | None]  # of a version; what it raises is logged, and there is none


class Alerts:
    """Watches every timeframe; where it isn't `on` it passes batches through."""

    name = "alerts"

    def __init__(
        self, timeframes: Sequence[Timeframe], names: Sequence[str], reference_of: ReferenceOf, *, on: bool = True,
        bound: float = 8.0, most: int = 60, rule: Rule,
    ) -> None:  # fmt: skip
        """Rows have the columns `names`. Beyond `bound` deviations is an anomaly, `most` are raised a minute."""
        lines = enumerate(timeframes) if on else ()
        self._lines = {
            timeframe.name: _Line(
                MarketWatch(k, timeframe, bound, most), _Drift(k, timeframe, names, reference_of, rule)
            )
            for k, timeframe in lines
        }

    def step(self, batch: Batch) -> Batch:
        """Look at the batch's bars, rows and predictions."""
        if len(batch.bars.time) or batch.last:
            for line in self._lines.values():
                batch.alerts += line.step(batch)
        return batch

    def snapshot(self) -> Snapshot:
        """Return the state of each timeframe."""
        return {name: line.snapshot() for name, line in self._lines.items()}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over; a timeframe that isn't in it begins anew."""
        for name, line in self._lines.items():
            if name in snapshot:
                line.restore(snapshot[name])


class _Line:
    """One timeframe."""

    def __init__(self, market: MarketWatch, drift: _Drift) -> None:
        self._market, self._drift = market, drift

    def step(self, batch: Batch) -> Iterator[Alert]:
        which = np.flatnonzero(batch.bars.timeframe == self._drift.index)
        yield from self._market.step(batch.bars, which)
        yield from self._drift.step(batch)
        if batch.last:
            yield from self._market.end()

    def snapshot(self) -> Snapshot:
        return {"market": self._market.snapshot(), "drift": self._drift.snapshot()}

    def restore(self, snapshot: Snapshot) -> None:
        self._market.restore(snapshot["market"])
        self._drift.restore(snapshot["drift"])


class _Drift:
    """The champions of one timeframe, one after the other."""

    def __init__(
        self, index: int, timeframe: Timeframe, names: Sequence[str], reference_of: ReferenceOf, rule: Rule
    ) -> None:
        self.index, self._timeframe, self._names = index, timeframe.name, names
        self._reference_of, self._rule = reference_of, rule
        self._term: Term | None = None
        self._persisted = 0  # ns UTC: when drift was last said to persist

    def step(self, batch: Batch) -> Iterator[Alert]:
        """Add the rows that champions spoke of, whether or not that was served, in stretches of one version."""
        spoken = [
            p for p in (*batch.predictions, *batch.shadows)
            if len(p.row) and p.timeframe[0] == self.index and not p.challenger
        ]  # fmt: skip
        if not spoken or batch.features is None:
            return
        rows = np.concatenate([p.row for p in spoken])
        order = np.argsort(rows, kind="stable")
        whose = np.repeat(np.arange(len(spoken)), [len(p.row) for p in spoken])[order]
        rows, predicted = rows[order], np.concatenate([said(p) for p in spoken])[order]
        versions = [spoken[k].model_version for k in whose.tolist()]
        time = batch.bars.time[rows]
        changes = [k for k in range(1, len(rows)) if versions[k] != versions[k - 1]]
        for begin, end in pairwise((0, *changes, len(rows))):
            part = slice(begin, end)
            yield from self._hand_over(versions[begin], int(time[begin]))
            assert self._term is not None
            for notice in self._term.add(batch.features.values, rows[part], predicted[part], time[part]):
                yield from self._told(self._term, notice)

    def _hand_over(self, version: str, time: int) -> Iterator[Alert]:
        """Let a version's term begin at bar time `time`, where it isn't the present one."""
        if self._term is not None and self._term.version == version:
            return
        if self._term is not None:
            for notice in self._term.end(time):
                yield from self._told(self._term, notice)
        self._term = self._begun(version)

    def _begun(self, version: str) -> Term:
        try:
            reference = self._reference_of(version)
            term = Term(version, reference, self._names, self._rule)
        except ValueError as error:
            logger("alerts").warning("drift isn't watched", version=version, reason=str(error))
            return Term(version, None, self._names, self._rule)
        if reference is None:
            logger("alerts").info("drift isn't watched: the version has no reference", version=version)
        return term

    def _told(self, term: Term, notice: Notice) -> Iterator[Alert]:
        metrics.DRIFT.labels(self._timeframe, notice.part).set(notice.ratio)
        if not notice.change:
            return
        details = {"model_version": term.version, "ratio": round(notice.ratio, 3), **notice.details}
        if notice.change in _STATES:
            yield Alert(notice.time, _KINDS[notice.part], _STATES[notice.change], self.index, details=details)
        elif notice.time > self._persisted:  # once where features and predictions both do
            self._persisted = notice.time
            details = {"of": notice.part, **details}
            yield Alert(notice.time, AlertKind.DRIFT_PERSISTS, AlertState.HAPPENED, self.index, details=details)

    def snapshot(self) -> Snapshot:
        """Return the present term, nothing before the first one."""
        return {"persisted": self._persisted, "term": {} if self._term is None else self._term.snapshot()}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over; the reference is read again. Raises ValueError where it isn't the one that was counted by."""
        self._persisted, self._term = int(snapshot["persisted"]), None
        if snapshot["term"]:
            self._term = self._begun(str(snapshot["term"]["version"]))
            self._term.restore(snapshot["term"])
