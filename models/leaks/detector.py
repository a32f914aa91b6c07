"""Three questions to everything between bars and forecasts, asked through the code that trains users' models.

fork        Two markets share their past up to the first bar of the last test slice. All that is said up to then must be
            the same to the bit: nothing behind it may move a feature, a scale, a label, a choice or a weight.
martingale  Where nothing can be foretold nobody may: neither directions nor returns after costs, by tests of all
            architectures together (Holm 1979) at the level of 1 %.
planted     Where something can, each architecture has to find a stated share of it. A pipeline that finds nothing
            would pass the other two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from models.assessment.assessment import Tested, Trading, backtest
from models.assessment.study import study
from models.backtest.ground import Ground
from models.config import LABEL_CLIP, TrainingConfig
from models.data.dataset import Dataset
from models.data.folds import folds_of
from models.evaluation.scoring import rank_correlation
from models.leaks.market import SyntheticBars, make_bars

LEVEL: Final = 0.01  # of all tests on the martingale together
LEAST_SHARE: Final = 0.3  # of the information coefficient of one who knows the market's law
_NORMAL: Final = NormalDist()

Replay = Callable[[SyntheticBars], tuple[Dataset, Ground]]  # bars through the features that users' bars go through


@dataclass(frozen=True, slots=True)
class Market:
    """The size of the markets."""

    symbols: int = 8
    bars: int = 1_500
    information: float = 0.15  # the share of the next bar's return that its past foretells
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """What one architecture shows."""

    model: str
    fork: str  # empty, or the first difference
    accuracy: float  # on the martingale
    p_direction: float  # of chance alone
    net_bps_a_day: float
    p_net: float
    coefficient: float  # on the planted market
    knowable: float  # of one who knows its law
    leaks: tuple[str, ...] = ()  # what is wrong, in words

    @property
    def share(self) -> float:
        """Return the share of what could be known that was found."""
        return self.coefficient / self.knowable


def detect(
    replay: Replay, configs: Mapping[str, TrainingConfig], market: Market,
    told: Callable[[str], None] = lambda text: None,
) -> list[Found]:  # fmt: skip
    """Ask all three questions of each architecture."""
    bars = make_bars(market.symbols, market.bars, 0.0, market.seed)
    fair, ground = replay(bars)
    planted_bars = make_bars(market.symbols, market.bars, market.information, market.seed + 1)
    planted, _ = replay(planted_bars)
    forks: dict[int, Dataset] = {}
    found = []
    for model, config in configs.items():
        told(f"{model}: martingale")
        tested = study(fair, config)
        fork = _last_test(fair, config)
        if fork not in forks:
            place = int(np.searchsorted(bars.time, fork))
            forks[fork], _ = replay(make_bars(market.symbols, market.bars, 0.0, market.seed, place))
        told(f"{model}: fork")
        difference = compare(tested, study(forks[fork], config), fork)
        told(f"{model}: planted")
        coefficient, knowable = coefficients(study(planted, config), planted_bars)
        direction, accuracy = chance_of_directions(tested)
        earned = backtest(tested, next(iter(tested.forecasts.values())), ground, Trading())
        found.append(Found(model, difference, accuracy, direction, earned["net_bps_a_day"],
                           1 - (earned["probabilistic"] or 0.0), coefficient, knowable))  # fmt: skip
    return judge(found)


def judge(found: Sequence[Found]) -> list[Found]:
    """Say of each what is wrong, all tests on the martingale together."""
    chances = [p for one in found for p in (one.p_direction, one.p_net)]
    refused = iter(holm(chances, LEVEL))
    judged = []
    for one in found:
        leaks = [f"fork: {one.fork}"] if one.fork else []
        if next(refused):
            leaks.append(f"martingale: {one.accuracy:.1%} of the directions right (p {one.p_direction:.2g})")
        if next(refused):
            leaks.append(f"martingale: {one.net_bps_a_day:.3g} bps a day after costs (p {one.p_net:.2g})")
        if one.share < LEAST_SHARE:
            leaks.append(f"planted: {one.share:.0%} of what could be known, expected {LEAST_SHARE:.0%} or more")
        judged.append(replace(one, leaks=tuple(leaks)))
    return judged


def holm(chances: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses fall, the chance that any of them falls wrongly being at most `level` (Holm 1979)."""
    order, fallen = sorted(range(len(chances)), key=lambda k: chances[k]), [False] * len(chances)
    for rank, k in enumerate(order):
        if chances[k] > level / (len(chances) - rank):
            break
        fallen[k] = True
    return fallen


def compare(ours: Tested, theirs: Tested, until: int) -> str:
    """Return the first difference of what was said up to a time (ns UTC), empty if there is none."""
    early = [np.flatnonzero(one.dataset.time <= until) for one in (ours, theirs)]
    a, b = (one.dataset.values[rows] for one, rows in zip((ours, theirs), early))
    if a.shape != b.shape:
        return f"{a.shape[0]} rows against {b.shape[0]}"
    differs = (a != b) & ~(np.isnan(a) & np.isnan(b))
    if differs.any():
        names = [ours.dataset.columns[k] for k in np.flatnonzero(differs.any(axis=0))]
        return f"column {', '.join(names[:5])} knows what comes later, in {int(differs.any(axis=1).sum())} rows"
    here = [one.dataset.time[one.rows] <= until for one in (ours, theirs)]
    for name, said in ours.forecasts.items():
        for kind in ("mean", "log_variance", "probabilities"):
            x, y = getattr(said, kind), getattr(theirs.forecasts[name], kind)
            if x is None:
                continue
            x, y = x[here[0]], y[here[1]]
            if x.shape != y.shape or not np.array_equal(x, y, equal_nan=True):
                apart = f" by up to {np.nanmax(np.abs(x - y)):.3g}" if x.shape == y.shape else ""
                return f"the columns are the same and the {kind} of {name} differs{apart}: training looks ahead"
    return ""


def chance_of_directions(tested: Tested) -> tuple[float, float]:
    """Return the chance of as good directions without skill, and the share of right ones.

    At one bar time in h, since labels overlap, the mean over symbols, which move together, of sign times return: on a
    martingale differences with mean 0, so that their sum over the root of the sum of their squares is near normal.
    """
    said = next(iter(tested.forecasts.values())).mean
    assert said is not None
    y, time = tested.outcome.y, tested.outcome.time
    counted = (y != 0) & (said != 0)
    accuracy = float(np.mean((y > 0)[counted] == (said > 0)[counted])) if counted.any() else 0.5
    _, place = np.unique(time, return_inverse=True)
    gain = np.bincount(place, np.sign(said) * np.clip(y, -LABEL_CLIP, LABEL_CLIP)) / np.bincount(place)
    kept = gain[:: tested.horizon]
    norm = math.sqrt(float(np.sum(kept**2)))
    return 1 - _NORMAL.cdf(float(kept.sum()) / norm) if norm else 1.0, accuracy


def coefficients(tested: Tested, bars: SyntheticBars) -> tuple[float, float]:
    """Return the information coefficient of a forecaster, and of one who knows the market's law."""
    said, outcome = next(iter(tested.forecasts.values())).mean, tested.outcome
    assert said is not None
    known = bars.foretold(tested.horizon)[np.searchsorted(bars.time, outcome.time), tested.dataset.symbol[tested.rows]]
    returns = outcome.y * outcome.unit
    return rank_correlation(said * outcome.unit, returns) or 0.0, rank_correlation(known, returns) or 0.0


def _last_test(dataset: Dataset, config: TrainingConfig) -> int:
    return int(dataset.time[folds_of(dataset, config)[-1].test[0]])


def answer(found: Sequence[Found]) -> list[dict[str, Any]]:
    """Return it as plain values."""
    return [
        {"model": one.model, "leaks": list(one.leaks), "fork": one.fork or "equal", "accuracy": one.accuracy,
         "p_direction": one.p_direction, "net_bps_a_day": one.net_bps_a_day, "p_net": one.p_net,
         "information_coefficient": one.coefficient, "knowable": one.knowable, "share": one.share}
        for one in found
    ]  # fmt: skip
