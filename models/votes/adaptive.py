"""Weights that follow performance: a symbol's members are judged by what they said of its own bars, once that is known.

A member's score is the discounted sum of how far its log likelihood of a label lay above the mean of the members that
spoke, divided by the horizon since labels overlap. Weights are prior weight times exp(score), as in dynamic model
averaging (Raftery, Karny and Ettler 2010, Technometrics 52; forgetting as in their section 2.3). `performance` votes by
them; `dynamic` keeps a score for each regime of volatility and lets the best member there speak alone.

All is a function of a symbol's own rows: other symbols, batch cuts and processes don't matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from models.config import LABEL_CLIP
from models.evaluation.regimes import VOLATILITY, volatility_regime
from schema.ticks import Bool, Float64, Int32, Int64
from schema.timeframes import BarKind, Timeframe

_FORGET: Final = np.exp(-1 / 250)  # of a score, a label


class VoteRows(NamedTuple):
    """What n rows are judged by, arrays (n,)."""

    symbol: Int32
    place: Int64  # of the bar in its series: a label ends `horizon` places behind its row
    session: Int64  # a label doesn't count where this differs at its end
    labelled: Bool  # whether the row may have a label
    price: Float64  # reference price
    unit: Float64  # sigma_t sqrt(h)
    sigma: Float64  # log return per bar


def places(time: Int64, sequence: Int64, timeframe: Timeframe) -> Int64:
    """Return the places (n,) of bars in their series, 1 apart where one closed (ns UTC) right behind the other."""
    return time // int(timeframe.every) if timeframe.kind == BarKind.INTERVAL else sequence


class AdaptiveVote:
    """The weights of M members, and the scores of S symbols that they come from."""

    def __init__(self, weights: Float64, horizon: int, n_symbols: int, *, dynamic: bool) -> None:
        members = len(weights)
        self._prior, self._dynamic = np.log(np.maximum(weights, 1e-9)), dynamic
        self._said = np.zeros((n_symbols, horizon, 2 * members + 2))  # means, log variances, price, unit
        self._when = np.full((n_symbols, horizon, 3), -1, np.int64)  # place, session, regime or -1 where unlabelled
        self._score = np.zeros((n_symbols, len(VOLATILITY), members))
        self._level = np.zeros((n_symbols, 2))  # mean of log volatility, bars seen

    def grow(self, n_symbols: int) -> None:
        """Make room for more symbols, of whose members nothing is known."""
        self._said, self._score, self._level = (
            _grown(array, n_symbols, 0) for array in (self._said, self._score, self._level)
        )
        self._when = _grown(self._when, n_symbols, -1)

    def shares(self, rows: VoteRows, means: Float64, log_variances: Float64) -> Float64:
        """Score what has come true by these rows, then return their weights (M, n), 0 for who says nothing (NaN).

        Rows of a symbol come in order, each once; means and log variances (M, n) are remembered till their labels end.
        """
        out = np.zeros(means.shape)
        _shares(
            *rows, means, log_variances, self._prior, self._dynamic, self._said, self._when, self._score, self._level,
            out,
        )  # fmt: skip
        return out

    def snapshot(self) -> dict[str, np.ndarray]:
        """Return the state, symbols first (live: copy at once)."""
        return {"said": self._said, "when": self._when, "score": self._score, "level": self._level}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `snapshot` gave."""
        self._said, self._score, self._level = (np.array(state[k], np.float64) for k in ("said", "score", "level"))
        self._when = np.array(state["when"], np.int64)


def _grown(array: np.ndarray, n_symbols: int, empty: int) -> np.ndarray:
    more = np.full((n_symbols - len(array), *array.shape[1:]), empty, array.dtype)
    return np.concatenate((array, more))


@njit(cache=True, error_model="numpy")
def _shares(  # type: ignore[no-untyped-def]
    symbol, place, session, labelled, price, unit, sigma, means, log_variances, prior, dynamic, said, when, score,
    level, out,
):  # fmt: skip
    members, horizon = len(prior), said.shape[1]
    for k in range(len(symbol)):
        i, slot = symbol[k], place[k] % horizon
        if when[i, slot, 0] == place[k] - horizon and when[i, slot, 1] == session[k] and when[i, slot, 2] >= 0:
            _judge(said[i, slot], price[k], score[i, when[i, slot, 2]], horizon)
        regime = volatility_regime(level[i], sigma[k]) if dynamic else 0
        _weigh(prior, score[i, regime], means[:, k], dynamic, out[:, k])
        when[i, slot, 0], when[i, slot, 1] = place[k], session[k]
        when[i, slot, 2] = regime if labelled[k] else -1
        said[i, slot, :members], said[i, slot, members : 2 * members] = means[:, k], log_variances[:, k]
        said[i, slot, 2 * members], said[i, slot, 2 * members + 1] = price[k], unit[k]


@njit(cache=True, error_model="numpy")
def _judge(said, price, score, horizon):  # type: ignore[no-untyped-def]
    """Add to the scores (M,) what the price says of what the members said a horizon before."""
    members = len(score)
    y = np.log(price / said[2 * members]) / said[2 * members + 1]
    if not np.isfinite(y):
        return
    y = min(max(y, -LABEL_CLIP), LABEL_CLIP)
    likelihood = np.full(members, np.nan)
    total, spoke = 0.0, 0
    for m in range(members):
        mean, log_variance = said[m], said[members + m]
        if np.isfinite(mean):
            likelihood[m] = -0.5 * (log_variance + (y - mean) ** 2 * np.exp(-log_variance))
            total, spoke = total + likelihood[m], spoke + 1
    if spoke < 2:
        return
    for m in range(members):
        score[m] *= _FORGET
        if np.isfinite(likelihood[m]):
            score[m] += (likelihood[m] - total / spoke) / horizon


@njit(cache=True)
def _weigh(prior, score, means, dynamic, out):  # type: ignore[no-untyped-def]
    """Write the weights of the members that speak: in proportion, or all to the best one."""
    best = -1
    for m in range(len(prior)):
        if np.isfinite(means[m]) and (best < 0 or prior[m] + score[m] > prior[best] + score[best]):
            best = m
    if best < 0:
        return
    total = 0.0
    for m in range(len(prior)):
        if np.isfinite(means[m]) and (m == best or not dynamic):
            out[m] = np.exp(prior[m] + score[m] - prior[best] - score[best])
            total += out[m]
    for m in range(len(prior)):
        out[m] /= total
