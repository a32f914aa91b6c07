"""The open bars of a new feature process."""

from __future__ import annotations

from typing import Any

import numpy as np

from dataflows.interfaces import Snapshot
from dataflows.split.rows_of_symbols import dealt, dealt_like
from dataflows.split.share import NotRegroupable, Share
from features import tick_inputs
from features.bar_state import NO_BOUNDARY, series_records, symbol_records


def dealt_bars(share: Share) -> Snapshot:
    """Return the open bars, what they are made from, and what gaps, halts and corrections wait for."""
    states = share.of("bars")
    builders, gaps = [state["builder"] for state in states], [state["gaps"] for state in states]
    n_timeframes = len(builders[0]["clock"])
    symbols = dealt([builder["symbols"] for builder in builders], symbol_records(1), share.deal)
    for i, (k, _) in enumerate(share.deal.places):
        if k >= 0:
            symbols["lane"][i] = share.lanes.index((k, int(symbols["lane"][i]))) if symbols["lane_began"][i] >= 0 else 0
    return {
        "preparer": dealt_like(tick_inputs.init(1)._asdict(), [state["preparer"] for state in states], share.deal),
        "builder": {
            "lane_began": np.array([builders[k]["lane_began"][lane] for k, lane in share.lanes]),
            "symbols": symbols,
            "series": dealt([b["series"] for b in builders], series_records(1, n_timeframes), share.deal),
            "clock": _clock([builders[k]["clock"] for k in share.sources]),
            "basis": dealt([builder["basis"] for builder in builders], np.ones(1), share.deal),
        },
        "gaps": _gaps(share, gaps, n_timeframes),
        "corrections": _corrected(share, [state["corrections"] for state in states], n_timeframes),
        "halts": _by_series(share, [state["halts"] for state in states], n_timeframes, "series", "ends"),
    }


def _clock(clocks: list[Any]) -> Any:
    """Return when open bars close: where any are open it is the same time, as all stand at one watermark."""
    chosen = np.array(clocks[0])
    for j in range(len(chosen)):
        hands = [clock[j] for clock in clocks if clock["boundary"][j] != NO_BOUNDARY]
        if len({int(hand["boundary"]) for hand in hands}) > 1:
            raise NotRegroupable(f"the bars of timeframe {j} close at different times: {hands}")
        chosen[j] = hands[0] if hands else chosen[j]
    return chosen


def _gaps(share: Share, states: list[Snapshot], n_timeframes: int) -> Snapshot:
    had = dealt([state["had_bars"] for state in states], np.zeros(n_timeframes, np.bool_), share.deal)
    return {"had_bars": had, **_by_series(share, states, n_timeframes, "waiting", "until")}


def _corrected(share: Share, states: list[Snapshot], n_timeframes: int) -> Snapshot:
    marks = [{"series": state["series"], "mark": [1] * len(state["series"])} for state in states]
    return {"series": _by_series(share, marks, n_timeframes, "series", "mark")["series"]}


def _by_series(share: Share, states: list[Snapshot], n_timeframes: int, series: str, values: str) -> Snapshot:
    """Deal numbers of series, with a value each."""
    found: dict[int, int] = {}
    for k, state in enumerate(states):
        ids = share.deal.ids_of(k, len(share.parts[k].names))
        for number, value in zip(state[series], state[values]):
            symbol, timeframe = divmod(int(number), n_timeframes)
            if ids[symbol] >= 0:
                found[int(ids[symbol]) * n_timeframes + timeframe] = int(value)
    return {series: sorted(found), values: [found[number] for number in sorted(found)]}
