"""Candlestick patterns with a signed strength: the smallest, or the product, of what makes the pattern.

Shares are of the bar's own range: body (signed), upper and lower shadow. Bars are counted back: bar 0 is this one.

Seed:   none.
Edges:  a bar without range, and a first body of none, make no pattern: strength 0.
Cost:   O(1) a bar, 4 numbers a series.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit

from features.catalogue import Family, Group, Stage, register
from features.decay import WARMING_UP
from features.inputs import BarInputs, History, past
from features.technical.pattern_rows import COLUMNS, TREND
from features.ties import TIE
from schema.ticks import Float64, UInt8

READY = np.array([column.warm_up for column in COLUMNS])
Bar: TypeAlias = tuple[float, float, float, float, float]  # open, high, low, close, signed share of the body


class Params(NamedTuple):
    trend: int  # changes of the close before the bar, that a hammer ends


class State(NamedTuple):
    share: Float64  # (2, series) the signed share of the body of the last bar and of the one before
    open: Float64  # (2, series) their opens


def init(n_symbols: int, n_timeframes: int) -> State:
    return State(*np.zeros((2, 2, n_symbols * n_timeframes)))


@njit(cache=True, inline="always")
def _bar(opened: float, highs: Float64, lows: Float64, closes: Float64, share: float, i: int, n: int, lag: int) -> Bar:
    return opened, past(highs, i, n, lag), past(lows, i, n, lag), past(closes, i, n, lag), share


@njit(cache=True, inline="always")
def _trend(closes: Float64, i: int, n: int, length: int, tie: float) -> float:
    """Return the move of the `length` changes before the n-th bar over the way they went, from -1 to 1."""
    way, newest = 0.0, past(closes, i, n, 1)
    after = newest
    for lag in range(2, length + 2):
        close = past(closes, i, n, lag)
        way += abs(after - close)
        after = close
    return (newest - after) / way if way > tie else 0.0


@njit(cache=True, inline="always")
def _two_bars(
    first: Bar, opened: float, high: float, low: float, close: float, share: float, out: Float64, k: int
) -> None:
    """Write harami, piercing line, dark cloud cover and tweezer of the bar behind `first`."""
    first_open, first_high, first_low, first_close, first_share = first
    body = first_close - first_open
    sign = 1.0 if body < 0.0 else -1.0
    per_body, before, now = 1.0 / abs(body), abs(first_share), sign * share
    above = max(first_open, first_close) - max(opened, close)
    below = min(opened, close) - min(first_open, first_close)
    out[k, 6] = sign * before * max(2.0 * min(above, below) * per_body, 0.0)
    regained = sign * (close - first_close) * per_body
    opened_behind = 1.0 - 4.0 * max(sign * (opened - first_close), 0.0) * per_body
    turn = max(min(min(before, now), min(1.0 - abs(4.0 * regained - 3.0), opened_behind)), 0.0)
    out[k, 7], out[k, 8] = (turn, 0.0) if body < 0.0 else (0.0, -turn)
    apart = abs(low - first_low) if body < 0.0 else abs(high - first_high)
    wider = max(high - low, first_high - first_low)
    out[k, 9] = sign * max(min(before, now), 0.0) * max(1.0 - 10.0 * apart / wider, 0.0)


@njit(cache=True, inline="always")
def _star(first: Bar, star: Bar, close: float, share: float, out: Float64, k: int) -> None:
    """Write morning and evening star of the bar behind a first bar and a star."""
    first_open, _, _, first_close, first_share = first
    star_open, _, _, star_close, _ = star
    body = first_close - first_open
    sign = 1.0 if body < 0.0 else -1.0
    per_body = 1.0 / abs(body)
    small = 1.0 - abs(star_close - star_open) * per_body
    edge = max(star_open, star_close) if body < 0.0 else min(star_open, star_close)
    beyond = sign * ((first_open - edge) + (first_close - edge)) * per_body
    regained = sign * (close - first_close) * per_body
    turn = max(min(min(abs(first_share), small), min(min(beyond, regained), sign * share)), 0.0)
    out[k, 10], out[k, 11] = (turn, 0.0) if body < 0.0 else (0.0, -turn)


@njit(cache=True, inline="always")
def _march(first: Bar, second: Bar, per_span: float, close: float, share: float, out: Float64, k: int) -> None:
    """Write three white soldiers and three black crows, of which this bar is the third."""
    _, _, _, first_close, first_share = first
    _, second_high, second_low, second_close, second_share = second
    sign = 1.0 if share > 0.0 else -1.0
    span = second_high - second_low
    early = sign * (second_close - first_close) / span if span > TIE * close else 0.0
    late = sign * (close - second_close) * per_span
    bodies = min(min(sign * first_share, sign * second_share), sign * share)
    march = max(min(bodies, min(early, late)), 0.0)
    out[k, 12], out[k, 13] = (march, 0.0) if share > 0.0 else (0.0, -march)


@njit(cache=True, inline="always")
def _one_bar(share: float, upper: float, lower: float, trend: float, rising: bool, out: Float64, k: int) -> None:
    """Write the patterns of one bar behind a trend."""
    body = abs(share)
    hammer = max(lower - 2.0 * body, 0.0) * max(1.0 - 10.0 * upper, 0.0)
    inverted = max(upper - 2.0 * body, 0.0) * max(1.0 - 10.0 * lower, 0.0)
    fall, rise = max(-trend, 0.0), max(trend, 0.0)
    out[k, 0], out[k, 1], out[k, 2], out[k, 3] = hammer * fall, -hammer * rise, inverted * fall, -inverted * rise
    full, top = max(10.0 * body - 9.0, 0.0), max(1.0 - 3.0 * body, 0.0) * (2.0 * min(upper, lower))
    out[k, 4], out[k, 5] = (full, top) if rising else (-full, -top)


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    length, shares, opens = params.trend, state.share, state.open
    highs, lows, closes = history.high, history.low, history.close
    for k in range(len(bars.series)):
        i, n = bars.series[k], bars.n[k]
        opened, high, low, close = bars.open[k], bars.high[k], bars.low[k], bars.close[k]
        tie, span, share = TIE * high, high - low, 0.0
        for j in range(len(READY)):
            out[k, j], why[k, j] = 0.0, 0
        if span > tie:
            per_span = 1.0 / span
            share = (close - opened) * per_span
            upper, lower = (high - max(opened, close)) * per_span, (min(opened, close) - low) * per_span
            trend = _trend(closes, i, n, length, tie) if n > length + 1 else 0.0
            _one_bar(share, upper, lower, trend, close >= opened - tie, out, k)
            last = _bar(opens[0, i], highs, lows, closes, shares[0, i], i, n, 1)
            if n > 1 and abs(last[3] - last[0]) > tie:
                _two_bars(last, opened, high, low, close, share, out, k)
            if n > 2:
                first = _bar(opens[1, i], highs, lows, closes, shares[1, i], i, n, 2)
                if abs(first[3] - first[0]) > tie:
                    _star(first, last, close, share, out, k)
                _march(first, last, per_span, close, share, out, k)
        for j in range(len(READY) if n < length + 2 else 0):
            if n < READY[j]:
                out[k, j], why[k, j] = np.nan, WARMING_UP
        shares[1, i], shares[0, i] = shares[0, i], share
        opens[1, i], opens[0, i] = opens[0, i], opened


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
