"""When a challenger has shown that it is better than the champion: a betting e-process over Brier score differences.

At a bar time t, d_t is the champion's Brier score less the challenger's, averaged over the symbols that both have an
outcome of, cut at +-0.25 and divided by 0.25. One bar time is kept every h bars, so that labels don't overlap. Against
"the challenger isn't better", E[d_t | before t] <= 0, a gambler bets a share L_t in [0, 0.9] that was chosen before t:

    E_n = product over kept t of (1 + L_t d_t),    L_t = mean / (variance + mean^2) of the d before t, cut to [0, 0.9].

Under that hypothesis E is a supermartingale from 1 on, so it ever reaches 1/a with probability at most a, however often
one looks (Ville). The level is shared: the k-th version that challenges a champion gets a_k = level / (k (k + 1)); all
a_k together are the level, so a champion is replaced by one that isn't better with at most that probability.

Sources: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), the bets
of their approximate GRAPA; Shekhar and Ramdas, "Nonparametric two-sample testing by betting", IEEE Trans. Inf. Theory
70 (2024); Choe and Ramdas, "Comparing sequential forecasters", Operations Research 72 (2024), for score differences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from models.labels import bounds
from schema.outcomes import Outcomes
from schema.ticks import Float64, Int32
from schema.timeframes import Timeframe

BOUND: Final = 0.25  # of a mean difference of Brier scores
LARGEST_BET: Final = 0.9
_PRIOR: Final = 0.25  # of the variance, worth one observation, as in the source


@dataclass(slots=True)
class EProcess:
    """The gambler's wealth, as a logarithm, and what the next bet is made from."""

    log_e: float = 0.0
    n: int = 0
    total: float = 0.0
    squares: float = _PRIOR  # of deviations from the mean before each
    most: float = 0.0  # the largest log_e so far: what was reached once counts

    @property
    def bet(self) -> float:
        """The share of the wealth that is put on the next difference."""
        mean, variance = self.total / (self.n + 1), self.squares / (self.n + 1)
        return min(max(mean / (variance + mean * mean), 0.0), LARGEST_BET)

    def add(self, difference: float) -> None:
        """Take a difference in [-1, 1]; above 0 the challenger was better."""
        self.log_e += math.log1p(self.bet * difference)
        self.most = max(self.most, self.log_e)
        self.n += 1
        self.total += difference
        self.squares += (difference - self.total / (self.n + 1)) ** 2


@dataclass(slots=True)
class _Kept:
    """The Brier scores of one version at a kept bar time."""

    challenger: bool
    symbols: Int32
    briers: Float64


@dataclass(slots=True)
class Contest:
    """Champion and challengers of one timeframe. Only timeframes with bars of one length have contests."""

    timeframe: Timeframe
    champion: str = ""
    duels: dict[str, EProcess] = field(default_factory=dict)  # by challenger, in the order they came
    _kept: dict[int, dict[str, _Kept]] = field(default_factory=dict)  # by bar time
    _horizon: int = 1

    def add(self, outcomes: Outcomes) -> None:
        """Take outcomes of one version; those of bar times that aren't kept are passed over."""
        step = bounds(self.timeframe)[0]
        if not step:
            return
        self._horizon = outcomes.horizon
        rows = outcomes.rows
        rows = rows[(rows["time"] // step % outcomes.horizon == 0) & (rows["label"] >= 0)]
        for time in np.unique(rows["time"]).tolist():
            mine = rows[rows["time"] == time]
            found = self._kept.setdefault(time, {}).get(outcomes.version)
            symbols, briers = mine["symbol"].astype(np.int32), mine["brier"].astype(np.float64)
            if found is not None:
                symbols, briers = np.concatenate((found.symbols, symbols)), np.concatenate((found.briers, briers))
            self._kept[time][outcomes.version] = _Kept(bool(mine["challenger"][0]), symbols, briers)

    def close(self, seen: int) -> None:
        """Score the bar times whose outcomes are all known when every bar up to `seen` (ns UTC) was met."""
        reach = self._horizon * bounds(self.timeframe)[0]
        for time in sorted(time for time in self._kept if time + reach <= seen):
            self._score(self._kept.pop(time))

    def _score(self, found: Mapping[str, _Kept]) -> None:
        champion = next((version for version, kept in found.items() if not kept.challenger), None)
        if champion is None:
            return
        if champion != self.champion:
            self.champion, self.duels = champion, {}
        for version in sorted(version for version, kept in found.items() if kept.challenger):
            difference = _difference(found[champion], found[version])
            if difference is not None:
                self.duels.setdefault(version, EProcess()).add(difference)

    def needed(self, challenger: str, level: float) -> float:
        """Return the e-value that lets a challenger take over."""
        k = list(self.duels).index(challenger) + 1
        return k * (k + 1) / level

    def evidence(self, challenger: str, level: float) -> tuple[float | None, float | None]:
        """Return a challenger's e-value and what it needs, None where it has met no champion."""
        duel = self.duels.get(challenger)
        return (None, None) if duel is None else (_e(duel.log_e), self.needed(challenger, level))

    def winner(self, level: float) -> tuple[str, EProcess] | None:
        """Return the challenger that has shown most beyond what it needs, None where none has."""
        over = {v: d.most - math.log(self.needed(v, level)) for v, d in self.duels.items()}
        best = max(over, key=lambda version: over[version], default=None)
        return (best, self.duels[best]) if best is not None and over[best] >= 0 else None

    def snapshot(self) -> dict[str, Any]:
        """Return the duels and the bar times that wait for outcomes."""
        return {
            "champion": self.champion, "horizon": self._horizon,
            "duels": [[v, d.log_e, d.n, d.total, d.squares, d.most] for v, d in self.duels.items()],
            "kept": {
                str(time): {v: {"challenger": k.challenger, "symbols": k.symbols, "briers": k.briers}
                            for v, k in found.items()}
                for time, found in self._kept.items()
            },
        }  # fmt: skip

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        self.champion, self._horizon = str(snapshot["champion"]), int(snapshot["horizon"])
        self.duels = {version: EProcess(*numbers) for version, *numbers in snapshot["duels"]}
        self._kept = {
            int(time): {v: _Kept(bool(k["challenger"]), np.array(k["symbols"]), np.array(k["briers"]))
                        for v, k in found.items()}
            for time, found in snapshot["kept"].items()
        }  # fmt: skip


def _difference(champion: _Kept, challenger: _Kept) -> float | None:
    """Return the mean difference over the symbols that both have, in [-1, 1]; None where they share none."""
    _, mine, theirs = np.intersect1d(champion.symbols, challenger.symbols, return_indices=True)
    if not len(mine):
        return None
    mean = float(np.mean(champion.briers[mine] - challenger.briers[theirs]))
    return min(max(mean / BOUND, -1.0), 1.0)


def _e(log_e: float) -> float:
    """Return the e-value, none above 1e300, so that a store can hold it."""
    return math.exp(min(log_e, 690.0))
