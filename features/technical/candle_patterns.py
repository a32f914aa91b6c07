"""Candlestick patterns with a signed strength: the smallest, or the product, of what makes the pattern.

Shares are of the bar's own range: body (signed), upper and lower shadow. Bars are counted back: bar 0 is this one.

Seed:   none.
Edges:  a bar without range, and a first body of none, make no pattern: strength 0.
Cost:   O(1) a bar, 18 numbers a series.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History
from features.technical.pattern_rows import COLUMNS, TREND
from features.ties import TIE
from schema.ticks import Float64, UInt8

OPEN, HIGH, LOW, CLOSE, SHARE = range(5)
RING = 8  # closes kept: a power of two above TREND + 1


class Params(NamedTuple):
    trend: int  # changes of the close before the bar, that a hammer ends


class State(NamedTuple):
    bars: Float64  # (series, 2, 5) the last bar and the one before: prices, then the signed share of the body
    closes: Float64  # (series, RING) the last closes


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros((series, 2, 5)), np.zeros((series, RING)))


@njit(cache=True, inline="always")
def _trend(closes: Float64, n: int, length: int, tie: float) -> float:
    """Return the move of the `length` changes before the n-th close over the way they went, from -1 to 1."""
    way, newest = 0.0, closes[(n - 1) & (RING - 1)]
    after = newest
    for lag in range(2, length + 2):
        close = closes[(n - lag) & (RING - 1)]
        way += abs(after - close)
        after = close
    return (newest - after) / way if way > tie else 0.0


@njit(cache=True, inline="always")
def _two_bars(first: Float64, opened: float, high: float, low: float, close: float, share: float, out: Float64) -> None:
    """Write harami, piercing line, dark cloud cover and tweezer of the bar behind `first`."""
    body = first[CLOSE] - first[OPEN]
    sign = 1.0 if body < 0.0 else -1.0
    per_body, before, now = 1.0 / abs(body), abs(first[SHARE]), sign * share
    above = max(first[OPEN], first[CLOSE]) - max(opened, close)
    below = min(opened, close) - min(first[OPEN], first[CLOSE])
    out[6] = sign * before * max(2.0 * min(above, below) * per_body, 0.0)
    regained = sign * (close - first[CLOSE]) * per_body
    opened_behind = 1.0 - 4.0 * max(sign * (opened - first[CLOSE]), 0.0) * per_body
    turn = max(min(min(before, now), min(1.0 - abs(4.0 * regained - 3.0), opened_behind)), 0.0)
    out[7], out[8] = (turn, 0.0) if body < 0.0 else (0.0, -turn)
    apart = abs(low - first[LOW]) if body < 0.0 else abs(high - first[HIGH])
    wider = max(high - low, first[HIGH] - first[LOW])
    out[9] = sign * max(min(before, now), 0.0) * max(1.0 - 10.0 * apart / wider, 0.0)


@njit(cache=True, inline="always")
def _star(first: Float64, star: Float64, close: float, share: float, out: Float64) -> None:
    """Write morning and evening star of the bar behind a first bar and a star."""
    body = first[CLOSE] - first[OPEN]
    sign = 1.0 if body < 0.0 else -1.0
    per_body = 1.0 / abs(body)
    small = 1.0 - abs(star[CLOSE] - star[OPEN]) * per_body
    edge = max(star[OPEN], star[CLOSE]) if body < 0.0 else min(star[OPEN], star[CLOSE])
    beyond = sign * ((first[OPEN] - edge) + (first[CLOSE] - edge)) * per_body
    regained = sign * (close - first[CLOSE]) * per_body
    turn = max(min(min(abs(first[SHARE]), small), min(min(beyond, regained), sign * share)), 0.0)
    out[10], out[11] = (turn, 0.0) if body < 0.0 else (0.0, -turn)


@njit(cache=True, inline="always")
def _march(first: Float64, second: Float64, per_span: float, close: float, share: float, out: Float64) -> None:
    """Write three white soldiers and three black crows, of which this bar is the third."""
    sign = 1.0 if share > 0.0 else -1.0
    span = second[HIGH] - second[LOW]
    early = sign * (second[CLOSE] - first[CLOSE]) / span if span > TIE * close else 0.0
    late = sign * (close - second[CLOSE]) * per_span
    bodies = min(min(sign * first[SHARE], sign * second[SHARE]), sign * share)
    march = max(min(bodies, min(early, late)), 0.0)
    out[12], out[13] = (march, 0.0) if share > 0.0 else (0.0, -march)


@njit(cache=True, inline="always")
def _one_bar(share: float, upper: float, lower: float, trend: float, rising: bool, out: Float64) -> None:
    """Write the patterns of one bar behind a trend."""
    body = abs(share)
    hammer = max(lower - 2.0 * body, 0.0) * max(1.0 - 10.0 * upper, 0.0)
    inverted = max(upper - 2.0 * body, 0.0) * max(1.0 - 10.0 * lower, 0.0)
    fall, rise = max(-trend, 0.0), max(trend, 0.0)
    out[0], out[1], out[2], out[3] = hammer * fall, -hammer * rise, inverted * fall, -inverted * rise
    full, top = max(10.0 * body - 9.0, 0.0), max(1.0 - 3.0 * body, 0.0) * (2.0 * min(upper, lower))
    out[4], out[5] = (full, top) if rising else (-full, -top)


@njit(cache=True)
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    length = params.trend
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        opened, high, low, close = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        last, row, closes = state.bars[i], out[k], state.closes[i]
        tie, span, share = TIE * high, high - low, 0.0
        row[:], why[k, :] = 0.0, 0
        if span > tie:
            per_span = 1.0 / span
            share = (close - opened) * per_span
            upper, lower = (high - max(opened, close)) * per_span, (min(opened, close) - low) * per_span
            trend = _trend(closes, n - 1, length, tie) if n > length + 1 else 0.0
            _one_bar(share, upper, lower, trend, close >= opened - tie, row)
            if n > 1 and abs(last[0, CLOSE] - last[0, OPEN]) > tie:
                _two_bars(last[0], opened, high, low, close, share, row)
            if n > 2:
                if abs(last[1, CLOSE] - last[1, OPEN]) > tie:
                    _star(last[1], last[0], close, share, row)
                _march(last[1], last[0], per_span, close, share, row)
        if n < length + 2:
            row[:4], why[k, :4] = np.nan, WARMING_UP
            if n < 3:
                row[10:], why[k, 10:] = np.nan, WARMING_UP
            if n < 2:
                row[6:], why[k, 6:] = np.nan, WARMING_UP
        last[1] = last[0]
        last[0, OPEN], last[0, HIGH], last[0, LOW], last[0, CLOSE], last[0, SHARE] = opened, high, low, close, share
        closes[(n - 1) & (RING - 1)] = close


register(
    Group(
        name="candle_patterns",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(TREND),
        init=init,
        update=update,
    )
)
