"""Where in its session a bar closed.

Seed:   none.
Edges:  none; minutes are negative before the open and after the close. A market that never closes has sessions of
        a UTC day each.
Cost:   O(1) a bar, no state.
"""

from __future__ import annotations

from typing import NamedTuple

from numba import njit

from features.catalogue import Column, Driver, Family, Group, NoState, Stage, no_state, register
from features.inputs import BarInputs, History
from schema.bars import Phase
from schema.ticks import Float64, UInt8

MINUTE = 60_000_000_000  # ns
PRE, POST = int(Phase.PRE), int(Phase.POST)
ANY = (float("-inf"), float("inf"))
COLUMNS = {
    "minutes_from_open": ("(close time - session open) / 1 min", ("time", "session_open"), "minutes", ANY),
    "minutes_to_close": ("(session close - close time) / 1 min", ("time", "session_close"), "minutes", ANY),
    "session_phase": ("-1 pre-market, 0 regular session, 1 after hours", ("phase",), "step", (-1.0, 1.0)),
}


class Params(NamedTuple):
    unit_ns: int


@njit(cache=True)
def update(params: Params, state: NoState, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    for k in range(len(bars.series)):
        out[k, 0] = (bars.time[k] - bars.session_open[k]) / params.unit_ns
        out[k, 1] = (bars.session_close[k] - bars.time[k]) / params.unit_ns
        out[k, 2] = (bars.phase[k] == POST) - 1.0 * (bars.phase[k] == PRE)
        why[k, :] = 0


register(
    Group(
        name="session",
        family=Family.CALENDAR,
        stage=Stage.BARS,
        columns=tuple(
            Column(
                name=name,
                formula=formula,
                source="the exchange's calendar",
                inputs=inputs,
                driver=Driver.BAR,
                window=1,
                warm_up=1,
                unit=unit,
                range=reach,
                oracle="datetime",
                sessions="resets",
            )
            for name, (formula, inputs, unit, reach) in COLUMNS.items()
        ),
        params=Params(MINUTE),
        init=no_state,
        update=update,
    )
)
