"""The outcomes station: what became of earlier predictions, how each version does, and who deserves to take over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from dataflows.batch import Batch
from dataflows.interfaces import Snapshot
from models.champion.outcomes import OpenPredictions
from models.champion.promotion import Contest
from models.champion.scores import Scores
from ops.log import logger
from schema.bars import Bars
from schema.outcomes import Outcomes, Score
from schema.predictions import Predictions
from schema.ticks import Int64
from schema.timeframes import SECOND, Timeframe

IDLE: Final = 7 * 86_400 * SECOND  # a version that said nothing for so long is forgotten; scored again, it begins anew

# Lets a challenger take over, if that may be: batch, timeframe, version, what the decision says; whether it does.
Promote = Callable[[Batch, str, str, Mapping[str, Any]], bool]


class OutcomeStation:
    """Joins outcomes, scores versions, and promotes challengers. All of it is a function of bars and predictions.

    A score is taken of each version that something became known of, at each full `every_s` seconds of event time, from
    the bars up to then, and at the end of a finite input. `promote` is called only where the station `promotes`;
    `level` is the probability with which a champion may be replaced by one that isn't better.
    """

    name = "outcomes"

    def __init__(
        self, timeframes: Sequence[Timeframe], promote: Promote, *, every_s: float = 60.0, level: float = 0.05,
        promotes: bool = False,
    ) -> None:  # fmt: skip
        """Begin with nothing open."""
        self._promote, self._level, self._promotes = promote, level, promotes
        every = round(every_s * SECOND)
        self._lines = [_Line(k, timeframe, every, level) for k, timeframe in enumerate(timeframes)]

    def step(self, batch: Batch) -> Batch:
        """Join the batch's bars with what was predicted before, then open what was predicted from them."""
        for line in self._lines:
            line.step(batch)
            winner = line.contest.winner(self._level) if self._promotes else None
            if winner is not None:
                version, duel = winner
                why = {"log_e": duel.most, "e_needed": line.contest.needed(version, self._level), "bar_times": duel.n}
                if self._promote(batch, line.timeframe.name, version, why):
                    logger(self.name).info("promoted", version=version, timeframe=line.timeframe.name, **why)
        return batch

    def snapshot(self) -> Snapshot:
        """Return open predictions, sums and evidence of each timeframe."""
        return {line.timeframe.name: line.snapshot() for line in self._lines}

    def restore(self, snapshot: Snapshot) -> None:
        """Take over; a timeframe that isn't in it begins with nothing open."""
        for line in self._lines:
            if (found := snapshot.get(line.timeframe.name)) is not None:
                line.restore(found)


class _Version:
    """One version's outcomes in one timeframe."""

    def __init__(self, timeframe: Timeframe, horizon: int) -> None:
        self.horizon, self.challenger, self.reported = horizon, False, 0
        self.open, self.scores = OpenPredictions(timeframe, horizon), Scores(timeframe, horizon)

    def snapshot(self) -> Snapshot:
        return {
            "horizon": self.horizon, "challenger": self.challenger, "reported": self.reported,
            "open": self.open.snapshot(), "scores": self.scores.snapshot(),
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        self.challenger, self.reported = bool(snapshot["challenger"]), int(snapshot["reported"])
        self.open.restore(snapshot["open"])
        self.scores.restore(snapshot["scores"])


class _Line:
    """One timeframe."""

    def __init__(self, index: int, timeframe: Timeframe, every: int, level: float) -> None:
        self.index, self.timeframe, self.contest = index, timeframe, Contest(timeframe)
        self._every, self._level, self._boundary, self._seen = every, level, 0, 0
        self._versions: dict[str, _Version] = {}

    def step(self, batch: Batch) -> None:
        """Walk the bars of the timeframe, in pieces between the times at which scores are taken."""
        which = np.flatnonzero(batch.bars.timeframe == self.index)
        made: dict[str, list[Predictions]] = {}
        for predictions in (*batch.predictions, *batch.shadows):
            if predictions.timeframe[0] == self.index:
                made.setdefault(predictions.model_version, []).append(predictions)
        if not self._versions and not made:
            return
        time = batch.bars.time[which]
        for piece in self._pieces(batch, time):
            self._join(batch, batch.bars, which[piece], made)
        if len(which):
            self._seen = int(time[-1])
            self.contest.close(self._seen - 1)  # more bars of the last time may come
        if batch.last:
            self._take_scores(batch, self._seen)

    def _pieces(self, batch: Batch, time: Int64) -> Iterator[slice]:
        """Yield the rows up to each boundary, and take the scores where a row is beyond it."""
        begin = 0
        while begin < len(time):
            if time[begin] > self._boundary:
                if self._boundary:
                    self._take_scores(batch, self._boundary)
                self._boundary = -(-int(time[begin]) // self._every) * self._every
            end = int(np.searchsorted(time, self._boundary, side="right"))
            yield slice(begin, end)
            begin = end

    def _join(self, batch: Batch, bars: Bars, which: Int64, made: Mapping[str, list[Predictions]]) -> None:
        for version, parts in made.items():
            # Not before its first row: until then a score may be due, which forgets who has nothing to show.
            if version not in self._versions and any(_within(p.row, which) for p in parts):
                self._versions[version] = _Version(self.timeframe, parts[0].horizon)
        for version, state in self._versions.items():
            rows = state.open.step(bars, which, made.get(version, ()))
            if len(rows):
                outcomes = Outcomes(self.index, version, state.horizon, rows)
                batch.outcomes.append(outcomes)
                state.challenger = bool(rows["challenger"][-1])
                state.scores.add(rows)
                self.contest.add(outcomes)

    def _take_scores(self, batch: Batch, time: int) -> None:
        """Score every version that something became known of, at a time up to which all bars were seen."""
        self.contest.close(time)
        for version, state in list(self._versions.items()):
            if state.scores.predictions > state.reported:
                batch.scores.append(self._score(version, state, time))
                state.reported = state.scores.predictions
            elif not state.open.number and time - state.scores.last > IDLE:
                del self._versions[version]

    def _score(self, version: str, state: _Version, time: int) -> Score:
        evidence = self.contest.evidence(version, self._level)
        return state.scores.score(time, self.index, version, state.horizon, state.challenger, evidence)

    def snapshot(self) -> Snapshot:
        versions = {version: state.snapshot() for version, state in self._versions.items()}
        return {
            "boundary": self._boundary, "seen": self._seen, "versions": versions, "contest": self.contest.snapshot(),
        }  # fmt: skip

    def restore(self, snapshot: Snapshot) -> None:
        self._boundary, self._seen, self._versions = int(snapshot["boundary"]), int(snapshot["seen"]), {}
        for version, saved in snapshot["versions"].items():
            self._versions[version] = _Version(self.timeframe, int(saved["horizon"]))
            self._versions[version].restore(saved)
        self.contest.restore(snapshot["contest"])


def _within(rows: Int64, which: Int64) -> bool:
    """Whether any of a version's rows lies between the first and the last of a piece."""
    return bool(((rows >= which[0]) & (rows <= which[-1])).any())
