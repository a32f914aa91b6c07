"""Evidence that returns have shifted: cumulative sums and Page-Hinkley tests of standardised log returns.

Each log return is divided by the volatility known before it. A pair of sums adds what exceeds the drift (`up`) and
what falls short of minus the drift (`down`), and neither falls below 0. `cusum_return` shows the larger of its pair,
negative for `down`; a Page-Hinkley test watches deviations from a slow mean, of the return or of its size.

Seed:   the variance starts with the mean of the first 20 squared returns; all sums with 0; the slow means with those
        of a normal variable.
Edges:  undefined, and all stays, while the volatility is 0. When a sum reaches its alarm, that bar shows it and both
        of its pair start anew with the next.
Cost:   O(1) a bar, 11 numbers a series.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import WARMING_UP, burn_in, standing
from features.inputs import BarInputs, History
from features.regime.volatility_rank import variance_after
from features.regime.windows import leave_undefined
from features.ties import TIE
from schema.reasons import Why
from schema.ticks import Float64, Int64, UInt8

SPAN, DRIFT, ALARM = 20, 0.5, 5.0
WARM_UP = SPAN + 2
CONVERGED = WARM_UP + burn_in(1 - 2 / (SPAN + 1), stages=2)
MEAN_SPAN, SLACK, MOST = 120, 0.25, 8.0
SLOW_CONVERGED = CONVERGED + burn_in(1 - 2 / (MEAN_SPAN + 1))
USUAL = math.sqrt(2 / math.pi)  # mean of |z| if z is normal
LONGEST = 250  # bars that are counted since an alarm
EDGE = int(Why.EDGE)


class Params(NamedTuple):
    drift: float  # deviations a bar
    alarm: float  # deviations
    converged: int  # bars
    weight: float  # of a bar in the mean that a Page-Hinkley test compares with
    slack: float  # deviations a bar
    most: float  # deviations: the alarm of a Page-Hinkley test
    slow_converged: int  # bars
    negligible: float


class State(NamedTuple):
    variance: Float64  # (series,) exponentially weighted mean of squared log returns
    up: Float64  # (series, 3) deviations: of the cumulative sum and of both Page-Hinkley tests
    down: Float64
    mean: Float64  # (series, 2) exponentially weighted, of what either Page-Hinkley test watches
    since: Int64  # (series, 2) bars since its last alarm


def init(n_symbols: int, n_timeframes: int) -> State:
    n = n_symbols * n_timeframes
    mean = np.tile([0.0, USUAL], (n, 1))
    return State(np.zeros(n), np.zeros((n, 3)), np.zeros((n, 3)), mean, np.zeros((n, 2), np.int64))


@njit(cache=True, inline="always")
def _add(up: Float64, down: Float64, i: int, at: int, above: float, drift: float, alarm: float) -> bool:
    """Add to both sums, anew if either was at its alarm before, and return whether one is now."""
    raised: bool = up[i, at] >= alarm or down[i, at] >= alarm
    up[i, at] = max((0.0 if raised else up[i, at]) + above - drift, 0.0)
    down[i, at] = max((0.0 if raised else down[i, at]) - above - drift, 0.0)
    raised = up[i, at] >= alarm or down[i, at] >= alarm
    return raised


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    variances, up, down, mean, since = state
    series, nth, log_return = bars.series, bars.n, bars.log_return
    for k in range(len(series)):
        i, n, change = series[k], nth[k], log_return[k]
        variance = variances[i]
        if n < WARM_UP or variance == 0.0:
            leave_undefined(out, why, k, 7, WARMING_UP if n < WARM_UP else EDGE)
        else:
            z = change / math.sqrt(variance)
            _add(up, down, i, 0, z, params.drift, params.alarm)
            out[k, 0] = up[i, 0] if up[i, 0] >= down[i, 0] else -down[i, 0]
            why[k, 0] = standing(n, WARM_UP, params.converged)
            for test in range(2):
                watched = z if test == 0 else abs(z)
                alarm = _add(up, down, i, test + 1, watched - mean[i, test], params.slack, params.most)
                mean[i, test] += params.weight * (watched - mean[i, test])
                since[i, test] = 0 if alarm else min(since[i, test] + 1, LONGEST)
                out[k, 1 + 3 * test], out[k, 2 + 3 * test] = up[i, test + 1], down[i, test + 1]
                out[k, 3 + 3 * test] = since[i, test]
            slow = standing(n, WARM_UP, params.slow_converged)
            for c in range(1, 7):
                why[k, c] = slow
        if n > 1:
            variances[i] = variance_after(variance, change, n, SPAN, params.negligible)


_column = partial(
    Column,
    inputs=("close",),
    driver=Driver.BAR,
    window=0,
    warm_up=WARM_UP,
    oracle="naive",
    edges="no volatility: undefined",
)
_TEST = {"span": SPAN, "mean_span": MEAN_SPAN, "slack": SLACK, "alarm": MOST, "converged": SLOW_CONVERGED}


def _test(name: str, watched: str) -> tuple[Column, Column, Column]:
    """Declare the columns of one Page-Hinkley test."""
    above = f"{watched} - its EMA over 120 bars before"
    column = partial(_column, source="Page (1954), Hinkley (1971); the mean forgets", params=_TEST)
    evidence = partial(column, unit="deviations", range=(0.0, math.inf), ties="a sum that reaches 8 starts anew")
    return (
        evidence(f"{name}_up", f"max(0, before + {above} - 0.25); 0 after either sum reached 8"),
        evidence(f"{name}_down", f"max(0, before - ({above}) - 0.25); 0 after either sum reached 8"),
        column(
            f"bars_since_{name}_alarm",
            f"bars since {name}_up or {name}_down last reached 8 (or since the first of them), 250 at most",
            unit="bars",
            range=(0.0, float(LONGEST)),
            ties="a sum against 8",
        ),
    )


register(
    Group(
        name="cusum",
        family=Family.REGIME,
        stage=Stage.BARS,
        columns=(
            _column(
                name="cusum_return",
                formula="up = max(0, up + z - 0.5), down = max(0, down - z - 0.5), z = log return / sqrt(EMA of its "
                "squares, 20, up to the bar before); up if up >= down else -down; both 0 after 5",
                source="Page (1954), two-sided",
                unit="deviations",
                range=(-math.inf, math.inf),
                params={"span": SPAN, "drift": DRIFT, "alarm": ALARM, "converged": CONVERGED},
                ties="up >= down; a sum that reaches 5 starts anew",
            ),
            *_test("page_hinkley_return", "z"),
            *_test("page_hinkley_volatility", "|z|"),
        ),
        params=Params(DRIFT, ALARM, CONVERGED, 2 / (MEAN_SPAN + 1), SLACK, MOST, SLOW_CONVERGED, TIE * TIE),
        init=init,
        update=update,
        version=2,
    )
)
