"""Does the price revert or persist: a Dickey-Fuller test over 60 bars, variance ratios over 120, and the state.

The test regresses each change on the close before it, with a constant. Persistence compares changes over 5 and 20
bars with those over one, about 0: (ratio - 1) / (ratio + 1). The state becomes 1 (persistent) or -1 (reverting) when
persistence_20_120 passes 1 / pi that way, and 0 when it falls below half of that.

Seed:   none; bars in the state count from the series' first bar.
Edges:  undefined where the closes before did not move, or where less than 1e-6 of the squared changes is left over;
        no half-life where the price does not revert; no persistence without a move, and the state is then 0.
Cost:   O(1) a bar, 14 numbers a series. Sums slide, over closes less that of the last lap, and are made anew a lap,
        and as soon as they are small beside what they have held since: a jump that has left leaves no trace.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.regime.states import next_state
from features.regime.windows import MASK
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

SHORT, LONG, FIVE, TWENTY = 60, 120, 5, 20
SHORT_LAP, LONG_LAP = 63, 127  # bars between two sums made anew, less 1: masks
ENTER, LEFT_OVER = 1 / math.pi, 1e-6
SMALL, SMALLER = 1e-3, 1e-5  # beside the largest sum since the last were made anew: squared levels, squared changes
LEVELS, SQUARES, CHANGES, ONES, FIVES, TWENTIES, LARGEST, ANCHOR = 0, 1, 2, 3, 4, 5, 6, 10
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    left_over: float
    enter: float
    leave: float


class State(NamedTuple):
    sums: Float64  # (series, 11) levels, their squares, squared changes (60); squared changes over 1, 5, 20 (120);
    # the most since they were made anew, of the second and third and of each other; the close that levels are less by
    still: Int64  # (series,) bars since the last move
    state: Int64  # (series,) -1, 0 or 1
    bars: Int64  # (series,) bars in it


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    return State(np.zeros((n, 11)), *(np.zeros(n, np.int64) for _ in range(3)))


@njit(cache=True, inline="always")
def _squared(closes: Float64, i: int, n: int, lag: int, held: int) -> float:
    """Return the squared change over `held` bars up to the close `lag` bars ago."""
    change: float = closes[(n - 1 - lag) & MASK, i] - closes[(n - 1 - lag - held) & MASK, i]
    return change * change


@njit(cache=True)
def _anew(closes: Float64, i: int, n: int, lag: int, held: int, window: int) -> float:
    total = 0.0
    for back in range(lag, window - held + 1):
        total += _squared(closes, i, n, back, held)
    return total


@njit(cache=True)
def _levels_anew(sums: Float64, closes: Float64, i: int, n: int) -> None:
    anchor = closes[(n - 2) & MASK, i]
    levels = squares = 0.0
    for lag in range(1, SHORT + 1):
        level = closes[(n - 1 - lag) & MASK, i] - anchor
        levels += level
        squares += level * level
    changes = _anew(closes, i, n, 0, 1, SHORT)
    sums[i, LEVELS], sums[i, SQUARES], sums[i, CHANGES] = levels, squares, changes
    sums[i, LARGEST], sums[i, ANCHOR] = max(squares, changes), anchor


@njit(cache=True)
def _slide_levels(sums: Float64, closes: Float64, i: int, n: int) -> None:
    if n == SHORT + 1 or n & SHORT_LAP == 0:
        _levels_anew(sums, closes, i, n)
        return
    anchor = sums[i, ANCHOR]
    new, old = closes[(n - 2) & MASK, i] - anchor, closes[(n - 2 - SHORT) & MASK, i] - anchor
    sums[i, LEVELS] += new - old
    sums[i, SQUARES] += new * new - old * old
    sums[i, CHANGES] += _squared(closes, i, n, 0, 1) - _squared(closes, i, n, SHORT, 1)
    sums[i, LARGEST] = max(sums[i, LARGEST], max(sums[i, SQUARES], sums[i, CHANGES]))


@njit(cache=True, error_model="numpy")
def _regressed_anew(closes: Float64, i: int, n: int) -> tuple[float, float, float]:
    """Return the squared levels, their products with the changes, and the squares left over, from the closes."""
    newest, level, spread, product, left = closes[(n - 2) & MASK, i], 0.0, 0.0, 0.0, 0.0
    for lag in range(1, SHORT + 1):
        level += (closes[(n - 1 - lag) & MASK, i] - newest) / SHORT
    change = (closes[(n - 1) & MASK, i] - closes[(n - 1 - SHORT) & MASK, i]) / SHORT
    for lag in range(1, SHORT + 1):
        old = closes[(n - 1 - lag) & MASK, i]
        x, y = old - newest - level, closes[(n - lag) & MASK, i] - old - change
        spread += x * x
        product += x * y
    slope = product / spread
    for lag in range(1, SHORT + 1):
        old = closes[(n - 1 - lag) & MASK, i]
        x, y = old - newest - level, closes[(n - lag) & MASK, i] - old - change
        left += (y - slope * x) * (y - slope * x)
    return spread, product, left


@njit(cache=True, inline="always")
def _regressed(sums: Float64, closes: Float64, i: int, n: int, close: float) -> tuple[float, float, float]:
    """Return the same three from the sums, unless these are small beside what they have held."""
    anchor = sums[i, ANCHOR]
    first, last = closes[(n - 1 - SHORT) & MASK, i] - anchor, close - anchor
    whole, changes = last - first, sums[i, CHANGES]
    spread = sums[i, SQUARES] - sums[i, LEVELS] * sums[i, LEVELS] / SHORT
    largest = max(sums[i, LARGEST], last * last)
    if spread <= SMALL * largest or changes <= SMALLER * largest:
        _levels_anew(sums, closes, i, n)
        return _regressed_anew(closes, i, n)
    product = 0.5 * ((last - first) * (last + first) - changes) - sums[i, LEVELS] * whole / SHORT
    return spread, product, changes - whole * whole / SHORT - product / spread * product


@njit(cache=True)
def _slide_changes(sums: Float64, closes: Float64, i: int, n: int) -> None:
    anew = n == LONG + 1 or n & LONG_LAP == 0
    if not anew:
        for at, held in ((ONES, 1), (FIVES, FIVE), (TWENTIES, TWENTY)):
            total = sums[i, at] + (_squared(closes, i, n, 0, held) - _squared(closes, i, n, LONG - held + 1, held))
            largest = max(sums[i, LARGEST - CHANGES + at], total)
            sums[i, at], sums[i, LARGEST - CHANGES + at] = total, largest
            anew |= total < SMALL * largest
    if anew:
        for at, held in ((ONES, 1), (FIVES, FIVE), (TWENTIES, TWENTY)):
            sums[i, at] = sums[i, LARGEST - CHANGES + at] = _anew(closes, i, n, 0, held, LONG)


@njit(cache=True, inline="always")
def _persistence(held: float, ones: float, over: int) -> float:
    """Return (ratio - 1) / (ratio + 1) of the variances of changes over some bars and over one."""
    held, ones = max(held, 0.0) / (over * (LONG - over + 1.0)), ones / LONG
    return (held - ones) / (held + ones)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    sums, stills, states, lasted = state
    closes, series, nth, close_now, close_before = (
        history.close, bars.series, bars.n, bars.close, bars.previous_close
    )  # fmt: skip
    for k in range(len(series)):
        i, n, close = series[k], nth[k], close_now[k]
        still = stills[i]
        moved = n > 1 and abs(close - close_before[k]) > TIE * close
        stills[i] = 0 if moved else still + 1
        lasted[i] += 1
        for c in range(6):
            out[k, c], why[k, c] = np.nan, EDGE
        if n <= SHORT:
            why[k, 0] = why[k, 1] = WARMING_UP
        else:
            _slide_levels(sums, closes, i, n)
            if still < SHORT - 1:
                spread, product, left = _regressed(sums, closes, i, n, close)
                if left > params.left_over * sums[i, CHANGES]:
                    out[k, 0], why[k, 0] = product / math.sqrt(spread * left / (SHORT - 2.0)), 0
                    if product < 0.0:
                        out[k, 1], why[k, 1] = -math.log(2.0) * spread / product, 0
        if n <= LONG:
            why[k, 2] = why[k, 3] = why[k, 4] = why[k, 5] = WARMING_UP
            continue
        _slide_changes(sums, closes, i, n)
        persistence = 0.0
        if stills[i] < LONG and sums[i, ONES] > 0.0:
            persistence = _persistence(sums[i, TWENTIES], sums[i, ONES], TWENTY)
            out[k, 2], out[k, 3] = _persistence(sums[i, FIVES], sums[i, ONES], FIVE), persistence
            why[k, 2] = why[k, 3] = 0
        now = next_state(states[i], persistence, params.enter, params.leave)
        if now != states[i]:
            states[i], lasted[i] = now, 1
        out[k, 4], out[k, 5] = now, lasted[i]
        why[k, 4] = why[k, 5] = 0


_column = partial(Column, inputs=("close",), driver=Driver.BAR, oracle="naive")
_test = partial(_column, window=SHORT + 1, warm_up=SHORT + 1, params={"window": SHORT, "left_over": LEFT_OVER})
_ratio = partial(_column, warm_up=LONG + 1, params={"window": LONG, "enter": ENTER})
_REGRESSION = "slope of close - close before on close before with a constant, over 60 bars"
_TIES = "persistence_20_120 against 1 / pi and half of it"
register(
    Group(
        name="stationarity",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _test(
                name="dickey_fuller_t_60",
                formula=f"t statistic of the {_REGRESSION}",
                source="Dickey and Fuller (1979); statsmodels adfuller (maxlag=0, regression='c')",
                unit="ratio",
                range=(-math.inf, math.inf),
                oracle="naive; statsmodels OLS",
                edges="closes before did not move, or no more than 1e-6 of the squared changes left over: undefined",
            ),
            _test(
                name="half_life_60",
                formula=f"-log(2) / {_REGRESSION}",
                source="Chan (2013), Algorithmic Trading, chapter 2",
                unit="bars",
                range=(0.0, math.inf),
                edges="as dickey_fuller_t_60; slope not below 0: undefined",
                ties="the slope against 0",
            ),
            *(
                _ratio(
                    name=f"persistence_{held}_120",
                    formula=f"(v - 1) / (v + 1), v = mean squared change over {held} bars / ({held} * that over one), "
                    "all within the last 120 changes",
                    source="Lo and MacKinlay (1988), without drift, bounded",
                    window=LONG + 1,
                    unit="ratio",
                    range=(-1.0, 1.0),
                    edges="flat: undefined",
                )
                for held in (FIVE, TWENTY)
            ),
            _ratio(
                name="persistence_state",
                formula="1 or -1 once |persistence_20_120| > 1 / pi, until it falls below half; else 0",
                source="two thresholds on a variance ratio",
                window=0,
                unit="state",
                range=(-1.0, 1.0),
                ties=_TIES,
            ),
            _ratio(
                name="bars_in_persistence_state",
                formula="bars since persistence_state last changed, that one included",
                source="definition",
                window=0,
                unit="bars",
                range=(1.0, math.inf),
                ties=_TIES,
            ),
        ),
        params=Params(LEFT_OVER, ENTER, ENTER / 2),
        init=init,
        update=update,
        version=2,
    )
)
