"""Oracles of candlesticks: each rule of a pattern written out over whole columns, in long double."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.technical import TIE, Series, two_price_roundings, without_ties
from tests.oracles.windows import EPS, before, exact, trailing

Candle = dict[str, np.ndarray]


def candle(bars: Series, lag: int = 0) -> Candle:
    """Return the bars `lag` back with their body, range and shares; shares of a bar without range are 0."""
    opened, high, low, close = (before(bars[field], lag) for field in ("open", "high", "low", "close"))
    span = without_ties(high - low, high)
    whole = np.where(span > 0, span, np.inf)
    return {
        "open": opened, "high": high, "low": low, "close": close, "span": span, "body": close - opened,
        "share": (close - opened) / whole, "flat": span == 0,
        "top": np.maximum(opened, close), "bottom": np.minimum(opened, close),
        "upper": (high - np.maximum(opened, close)) / whole, "lower": (np.minimum(opened, close) - low) / whole,
    }  # fmt: skip


def any_share(name: str, market: Market) -> np.ndarray:
    """Bound a strength: two factors of slope up to 10 in shares, which carry the rounding of prices over the ranges,
    bodies and ways of up to seven bars."""
    return 20 * 4 * EPS * market.bars.close / narrowest_part("", market)


@each_series
def narrowest_part(name: str, bars: Series) -> np.ndarray:
    candles = [candle(bars, lag) for lag in range(3)]
    parts = [each["span"] for each in candles] + [np.abs(each["body"]) for each in candles] + [trend_way(bars)]
    return np.nanmin([np.where(part > TIE * bars["high"], part, np.inf) for part in parts], axis=0)


def trend_way(bars: Series) -> np.ndarray:
    return trailing(np.abs(before(bars["close"]) - before(bars["close"], 2)), 5).sum(axis=1)


def trend(bars: Series) -> np.ndarray:
    """Return the five changes of the close before the bar, summed, over the sum of their sizes."""
    way, move = trend_way(bars), before(bars["close"]) - before(bars["close"], 6)
    return np.where(np.isnan(move), np.nan, np.where(way > TIE * bars["high"], move / np.where(way > 0, way, 1), 0))


def positive(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def smallest(*values: np.ndarray) -> np.ndarray:
    return positive(np.min(np.broadcast_arrays(*values), axis=0))


def hammer_shape(bar: Candle, long: str, short: str) -> np.ndarray:
    return positive(bar[long] - 2 * np.abs(bar["share"])) * positive(1 - 10 * bar[short])


def turns(name: str, falling_first: Callable[[], np.ndarray], rising_first: Callable[[], np.ndarray]) -> np.ndarray:
    return falling_first() if name in ("piercing_line", "morning_star", "three_white_soldiers") else -rising_first()


@oracle("body_share", "upper_shadow_share", "lower_shadow_share", bound=any_share)
@each_series
def shares(name: str, bars: Series) -> np.ndarray:
    bar = candle(bars)
    return np.where(bar["flat"], np.nan, bar[{"b": "share", "u": "upper", "l": "lower"}[name[0]]])


@oracle("gap_ratio", bound=two_price_roundings)
@each_series
def gap(name: str, bars: Series) -> np.ndarray:
    return exact(bars["open"]) / before(bars["close"]) - 1


@oracle("hammer", "hanging_man", "inverted_hammer", "shooting_star", bound=any_share)
@each_series
def behind_a_trend(name: str, bars: Series) -> np.ndarray:
    bar, moved = candle(bars), trend(bars)
    shadows = ("lower", "upper") if name in ("hammer", "hanging_man") else ("upper", "lower")
    shape = np.where(bar["flat"], 0, hammer_shape(bar, *shadows))
    return shape * positive(-moved) if "hammer" in name else -shape * positive(moved)


@oracle("marubozu", "spinning_top", bound=any_share)
@each_series
def one_bar(name: str, bars: Series) -> np.ndarray:
    bar = candle(bars)
    sign = np.where(bar["body"] >= -TIE * bar["high"], 1, -1)
    if name == "marubozu":
        return sign * positive(10 * np.abs(bar["share"]) - 9)
    top = positive(1 - 3 * np.abs(bar["share"])) * 2 * np.minimum(bar["upper"], bar["lower"])
    return np.where(bar["flat"], 0, sign * top)


def two_candles(bars: Series) -> tuple[Candle, Candle, np.ndarray, np.ndarray]:
    """Return the first and second of two bars, the first's body (1 where it is none), and where there is no pattern."""
    first, second = candle(bars, 1), candle(bars)
    none = second["flat"] | (np.abs(first["body"]) <= TIE * second["high"])
    return first, second, np.where(none, 1, np.abs(first["body"])), none


def from_bar(n: int, values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(1, len(values) + 1) >= n, values, np.nan)


@oracle("harami", bound=any_share)
@each_series
def harami(name: str, bars: Series) -> np.ndarray:
    first, second, body, none = two_candles(bars)
    margin = np.minimum(first["top"] - second["top"], second["bottom"] - first["bottom"])
    return from_bar(2, np.where(none, 0, -first["share"] * positive(2 * margin / body)))


@oracle("piercing_line", "dark_cloud_cover", bound=any_share)
@each_series
def pierced(name: str, bars: Series) -> np.ndarray:
    first, second, body, none = two_candles(bars)

    def turn(way: int) -> np.ndarray:
        regained = way * (second["close"] - first["close"]) / body
        inside = positive(way * (second["open"] - first["close"])) / body
        strength = smallest(-way * first["share"], way * second["share"], 1 - np.abs(4 * regained - 3), 1 - 4 * inside)
        return np.where(none, 0, strength)

    return from_bar(2, turns(name, lambda: turn(1), lambda: turn(-1)))


@oracle("tweezer", bound=any_share)
@each_series
def tweezer(name: str, bars: Series) -> np.ndarray:
    first, second, _, none = two_candles(bars)
    wider = np.where(none, 1, np.maximum(first["span"], second["span"]))
    lows, highs = (1 - 10 * np.abs(first[edge] - second[edge]) / wider for edge in ("low", "high"))
    bottom = smallest(-first["share"], second["share"]) * positive(lows)
    top = smallest(first["share"], -second["share"]) * positive(highs)
    return from_bar(2, np.where(none, 0, bottom - top))


@oracle("morning_star", "evening_star", bound=any_share)
@each_series
def star(name: str, bars: Series) -> np.ndarray:
    first, middle, last = candle(bars, 2), candle(bars, 1), candle(bars)
    none = last["flat"] | (np.abs(first["body"]) <= TIE * last["high"])
    body = np.where(none, 1, np.abs(first["body"]))
    centre = (first["open"] + first["close"]) / 2

    def turn(way: int) -> np.ndarray:
        edge = middle["top"] if way > 0 else middle["bottom"]
        strength = smallest(
            -way * first["share"], way * last["share"], 1 - np.abs(middle["body"]) / body,
            way * (centre - edge) / (body / 2), way * (last["close"] - first["close"]) / body,
        )  # fmt: skip
        return np.where(none, 0, strength)

    return from_bar(3, turns(name, lambda: turn(1), lambda: turn(-1)))


@oracle("three_white_soldiers", "three_black_crows", bound=any_share)
@each_series
def march(name: str, bars: Series) -> np.ndarray:
    first, second, third = candle(bars, 2), candle(bars, 1), candle(bars)

    def one_way(way: int) -> np.ndarray:
        bodies = [way * each["share"] for each in (first, second, third)]
        changes = [
            way * (new["close"] - old["close"]) / np.where(new["flat"], np.inf, new["span"])
            for old, new in ((first, second), (second, third))
        ]
        return smallest(*bodies, *changes)

    return from_bar(3, turns(name, lambda: one_way(1), lambda: one_way(-1)))
