"""A bar's notional and spread among all symbols of its bar time: ranks, shares, concentration.

Seed:   none.
Edges:  EDGE with fewer than two rows (with a quote: spread), and for tick, volume and dollar bars, which meet no other
        symbol; NO_TRADES for the shares where nothing traded at this bar time; NO_QUOTES for the spread's rank.
Cost:   O(1) a row and two sorts a bar time, no state.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.cross_asset.ranks import EDGE, LEAST, NO_QUOTES, NO_TRADES, leave_undefined, write_ranks
from features.decay import WARMING_UP
from features.inputs import BarGroups, BarInputs
from features.ties import TIE
from schema.ticks import Float64, UInt8

VOLUME_RANK, SPREAD_RANK, SHARE, CONCENTRATION, RISING = range(5)


class Params(NamedTuple):
    least: int  # rows


@njit(cache=True)
def concentration(notional: Float64, total: float) -> float:
    """Return the sum of the squared shares."""
    squares = 0.0
    for value in notional:
        share = value / total
        squares += share * share
    return min(squares, 1.0)


@njit(cache=True)
def totals(notional: Float64, log_return: Float64) -> tuple[float, float, float, int]:
    """Return all notional, that of rows with a return, that of rising rows, and the number of rows with a return."""
    total = compared = rising = 0.0
    rows = 0
    for k in range(len(notional)):
        total += notional[k]
        if not np.isnan(log_return[k]):
            rows += 1
            compared += notional[k]
            rising += notional[k] if log_return[k] > TIE else 0.0
    return total, compared, rising, rows


@njit(cache=True, error_model="numpy")
def update(params: Params, state: NoState, bars: BarInputs, groups: BarGroups, out: Float64, why: UInt8) -> None:
    room = np.empty(len(bars.series))
    for g in range(len(groups.by_time)):
        first, last = groups.first[g], groups.first[g + 1]
        leave_undefined(first, last, EDGE, out, why)
        if not groups.by_time[g] or last - first < params.least:
            continue
        for k in range(first, last):
            room[k] = (bars.ask[k] - bars.bid[k]) / bars.mid[k]
        write_ranks(room[first:last], first, NO_QUOTES, out[:, SPREAD_RANK], why[:, SPREAD_RANK])
        write_ranks(bars.notional[first:last], first, EDGE, out[:, VOLUME_RANK], why[:, VOLUME_RANK])
        total, compared, rising, rows = totals(bars.notional[first:last], bars.log_return[first:last])
        squares = concentration(bars.notional[first:last], total) if total > 0.0 else np.nan
        for k in range(first, last):
            if total > 0.0:
                out[k, SHARE], out[k, CONCENTRATION] = bars.notional[k] / total, squares
                why[k, SHARE] = why[k, CONCENTRATION] = 0
            else:
                why[k, SHARE] = why[k, CONCENTRATION] = NO_TRADES
            if np.isnan(bars.log_return[k]):
                why[k, RISING] = WARMING_UP
            elif rows >= params.least:
                why[k, RISING] = 0 if compared > 0.0 else NO_TRADES
                if compared > 0.0:
                    out[k, RISING] = rising / compared


_column = partial(
    Column,
    driver=Driver.BAR,
    window=1,
    warm_up=1,
    unit="ratio",
    range=(0.0, 1.0),
    oracle="naive, in long double",
    params={"least_rows": LEAST},
    edges="fewer than 2 rows of the bar time, or activity bars: undefined",
)
_share = partial(
    _column,
    edges="nothing traded at this bar time, fewer than 2 rows, or activity bars: undefined",
    inputs=("notional",),
)
register(
    Group(
        name="cross_size",
        family=Family.CROSS_ASSET,
        stage=Stage.CROSS,
        columns=(
            _column(
                "volume_rank",
                "(average rank of the notional - 1) / (rows - 1)",
                "Gervais, Kaniel and Mingelgrin (2001)",
                inputs=("notional",),
                ties="average rank",
            ),
            _column(
                "spread_rank",
                "(average rank of (ask - bid) / mid - 1) / (rows with a quote - 1)",
                "Amihud and Mendelson (1986)",
                inputs=("bid", "ask", "mid"),
                ties="average rank",
                edges="no quote; fewer than 2 quoted rows of the bar time, or activity bars: undefined",
            ),
            _share("volume_share", "notional / notional of all rows of the bar time", "Lo and Wang (2000)"),
            _share("volume_concentration", "sum of volume_share^2 over the rows of the bar time", "Herfindahl (1950)"),
            _share(
                "rising_volume_share",
                "notional of the rows whose return is above 0 / notional of the rows that have a return",
                "Arms (1989)",
                inputs=("notional", "log_return"),
                window=2,
                warm_up=2,
                ties="a return of less than 1e-12 is not up",
            ),
        ),
        params=Params(LEAST),
        init=no_state,
        update=update,
    )
)
