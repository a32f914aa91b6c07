"""Sentiment by its formulas: every item weighed by its own age, in long double; nothing is updated step by step."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from schema.items import KINDS
from tests.oracles.registry import Market, each_series, oracle
from tests.oracles.windows import EPS, exact, log_returns, trailing

LONG = np.longdouble
SECOND = 1_000_000_000
HORIZON = {"5m": 300 * SECOND, "15m": 900 * SECOND, "1h": 3_600 * SECOND}
FORGOTTEN, STALE_AFTER = 50, 10  # horizons
HALF_HOUR = 1_800 * SECOND
TIE = 1e-12

Items = tuple[np.ndarray, np.ndarray]  # times and scores


def rows_with_items(market: Market, kinds: tuple[str, ...]) -> Iterator[tuple[int, Items]]:
    """Yield each row with the items of its symbol, of the given kinds, that came before its close."""
    items = market.items
    wanted = np.isin(items.kind, [KINDS[kind] for kind in kinds])
    for symbol in np.unique(market.bars.symbol):
        own = np.flatnonzero(wanted & (items.symbol == symbol))
        times, scores = items.ts_event[own], exact(items.score[own])
        for row in np.flatnonzero(market.bars.symbol == symbol):
            n = int(np.searchsorted(times, market.bars.time[row]))
            yield row, (times[:n], scores[:n])


def weights(times: np.ndarray, now: int, horizon: int) -> np.ndarray:
    """Return exp(-age / horizon), 0 for what lies behind a pause of more than 50 horizons between two items."""
    pauses = np.flatnonzero(np.diff(times) > FORGOTTEN * horizon)
    weight = np.exp(-(exact(now - times) / horizon))
    weight[: pauses[-1] + 1 if len(pauses) else 0] = 0
    return weight


def average(items: Items, now: int, horizon: int) -> tuple[LONG, LONG]:
    """Return the weighted mean and deviation of the scores."""
    times, scores = items
    weight = weights(times, times[-1], horizon)
    mean = (weight * scores).sum() / weight.sum()
    if np.ptp(scores[weight > 0]) == 0:
        return scores[-1], LONG(0)
    return mean, np.sqrt((weight * (scores - mean) ** 2).sum() / weight.sum())


def is_stale(times: np.ndarray, now: int, horizon: int) -> bool:
    return bool(now - times[-1] > STALE_AFTER * horizon)


def per_row(market: Market, kinds: tuple[str, ...], least: int, one: object) -> np.ndarray:
    result = np.full(len(market.bars.time), np.nan, LONG)
    for row, items in rows_with_items(market, kinds):
        if len(items[0]) >= least:
            result[row] = one(int(market.bars.time[row]), items)  # type: ignore[operator]
    return result


def near_equal_scores(name: str, market: Market) -> float:
    """Bound a weighted deviation: the squares under the root carry roundings of scores of size 1."""
    return 1e-12


@oracle(*(f"{kind}_sentiment_{horizon}" for kind in KINDS for horizon in HORIZON), bound=lambda n, m: 100 * EPS)
def sentiment(name: str, market: Market) -> np.ndarray:
    kind, _, horizon = name.split("_")
    return per_row(market, (kind,), 1, lambda now, items: mean_of(items, now, HORIZON[horizon]))


def mean_of(items: Items, now: int, horizon: int) -> LONG:
    return LONG("nan") if is_stale(items[0], now, horizon) else average(items, now, horizon)[0]


@oracle(*(f"{kind}_dispersion_{horizon}" for kind in KINDS for horizon in HORIZON), bound=near_equal_scores)
def dispersion(name: str, market: Market) -> np.ndarray:
    kind, _, horizon = name.split("_")

    def deviation(now: int, items: Items) -> LONG:
        stale = is_stale(items[0], now, HORIZON[horizon])
        return LONG("nan") if stale else average(items, now, HORIZON[horizon])[1]

    return per_row(market, (kind,), 1, deviation)


def count_of(items: Items, now: int, horizon: int) -> LONG:
    return weights(items[0], now, horizon).sum() if now - items[0][-1] <= FORGOTTEN * horizon else LONG(0)


@oracle(*(f"{kind}_count_{horizon}" for kind in KINDS for horizon in HORIZON))
def count(name: str, market: Market) -> np.ndarray:
    kind, _, horizon = name.split("_")
    return per_row(market, (kind,), 1, lambda now, items: count_of(items, now, HORIZON[horizon]))


@oracle(*(f"{kind}_momentum_{horizon}" for kind in KINDS for horizon in ("5m", "15m")), bound=lambda n, m: 200 * EPS)
def momentum(name: str, market: Market) -> np.ndarray:
    kind, _, horizon = name.split("_")
    hour = HORIZON["1h"]
    return per_row(
        market, (kind,), 1, lambda now, items: mean_of(items, now, HORIZON[horizon]) - mean_of(items, now, hour)
    )


@oracle(*(f"{kind}_positive_share_1h" for kind in KINDS), bound=lambda n, m: 100 * EPS)
def positive_share(name: str, market: Market) -> np.ndarray:
    return per_row(
        market,
        (name.split("_")[0],),
        1,
        lambda now, items: mean_of((items[0], exact(items[1] > 0)), now, HORIZON["1h"]),
    )


@oracle(*(f"{kind}_polarity_1h" for kind in KINDS), bound=lambda n, m: 100 * EPS)
def polarity(name: str, market: Market) -> np.ndarray:
    return per_row(
        market, (name.split("_")[0],), 1, lambda now, items: mean_of((items[0], np.abs(items[1])), now, HORIZON["1h"])
    )


@oracle(*(f"{kind}_last_score" for kind in KINDS))
def last_score(name: str, market: Market) -> np.ndarray:
    return per_row(market, (name.split("_")[0],), 1, lambda now, items: items[1][-1])


@oracle(*(f"{kind}_score_change" for kind in KINDS), bound=lambda n, m: 2 * EPS)
def score_change(name: str, market: Market) -> np.ndarray:
    return per_row(market, (name.split("_")[0],), 2, lambda now, items: items[1][-1] - items[1][-2])


@oracle(*(f"{kind}_age" for kind in KINDS))
def age(name: str, market: Market) -> np.ndarray:
    return per_row(market, (name.split("_")[0],), 1, lambda now, items: LONG(now - items[0][-1]) / SECOND)


def surprise_condition(name: str, market: Market) -> np.ndarray:
    """Bound a surprise: score and mean carry roundings of scores of size 1, which a small deviation magnifies."""
    return 4 * EPS / per_row(market, (name.split("_")[0],), 3, lambda now, items: before_the_last(items, now)[1])


def before_the_last(items: Items, now: int) -> tuple[LONG, LONG]:
    """Return mean and deviation of the scores before the last one, NaN where it came after a pause or none differed."""
    times, scores = items
    mean, deviation = average((times[:-1], scores[:-1]), now, HORIZON["1h"])
    forgotten = times[-1] - times[-2] > FORGOTTEN * HORIZON["1h"]
    return mean, LONG("nan") if forgotten or deviation == 0 else deviation


@oracle(*(f"{kind}_surprise_1h" for kind in KINDS), bound=surprise_condition)
def surprise(name: str, market: Market) -> np.ndarray:
    def against_those_before(now: int, items: Items) -> LONG:
        mean, deviation = before_the_last(items, now)
        return (items[1][-1] - mean) / deviation

    return per_row(market, (name.split("_")[0],), 3, against_those_before)


def both(market: Market, one: object) -> np.ndarray:
    """Call with the time and both kinds' items on each row that has some of each; NaN on the others."""
    result = np.full(len(market.bars.time), np.nan, LONG)
    parts = [dict(rows_with_items(market, (kind,))) for kind in KINDS]
    for row in parts[0].keys() & parts[1].keys():
        news, social = parts[0][row], parts[1][row]
        if len(news[0]) and len(social[0]):
            result[row] = one(int(market.bars.time[row]), news, social)  # type: ignore[operator]
    return result


def pooled(now: int, news: Items, social: Items, horizon: int) -> LONG:
    counts = count_of(news, now, horizon), count_of(social, now, horizon)
    means = mean_of(news, now, horizon), mean_of(social, now, horizon)
    return (counts[0] * means[0] + counts[1] * means[1]) / (counts[0] + counts[1])


@oracle(*(f"sentiment_{horizon}" for horizon in HORIZON), bound=lambda n, m: 100 * EPS)
def pooled_sentiment(name: str, market: Market) -> np.ndarray:
    horizon = HORIZON[name.split("_")[1]]
    return both(market, lambda now, news, social: pooled(now, news, social, horizon))


@oracle(*(f"sentiment_momentum_{horizon}" for horizon in ("5m", "15m")), bound=lambda n, m: 200 * EPS)
def pooled_momentum(name: str, market: Market) -> np.ndarray:
    short, hour = HORIZON[name.split("_")[2]], HORIZON["1h"]
    return both(market, lambda now, news, social: pooled(now, news, social, short) - pooled(now, news, social, hour))


@oracle(*(f"sentiment_agreement_{horizon}" for horizon in HORIZON), bound=lambda n, m: 100 * EPS)
def agreement(name: str, market: Market) -> np.ndarray:
    horizon = HORIZON[name.split("_")[2]]
    return both(
        market, lambda now, news, social: 1 - abs(mean_of(news, now, horizon) - mean_of(social, now, horizon)) / 2
    )


@oracle(*(f"news_share_{horizon}" for horizon in HORIZON))
def news_share(name: str, market: Market) -> np.ndarray:
    horizon = HORIZON[name.split("_")[2]]

    def share(now: int, news: Items, social: Items) -> LONG:
        if is_stale(news[0], now, horizon) or is_stale(social[0], now, horizon):
            return LONG("nan")
        counted = count_of(news, now, horizon)
        return counted / (counted + count_of(social, now, horizon))

    return both(market, share)


def of_the_day(items: Items, now: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the half-hours ago (0: the present one) and the scores of the items of the last 48 half-hours."""
    ago = (now - 1) // HALF_HOUR - items[0] // HALF_HOUR
    return ago[ago < 48], items[1][ago < 48]


@oracle(
    *(f"{kind}_{what}" for kind in KINDS for what in ("count_1d", "sentiment_1d", "attention")), bound=lambda n, m: EPS
)
def day(name: str, market: Market) -> np.ndarray:
    kind, what = name.split("_", 1)

    def of(now: int, items: Items) -> LONG:
        ago, scores = of_the_day(items, now)
        if what == "count_1d":
            return LONG(len(ago))
        if not len(ago):
            return LONG("nan")
        return scores.mean() if what == "sentiment_1d" else LONG((ago < 2).sum()) / (LONG(len(ago)) / 24)

    return per_row(market, (kind,), 1, of)


def price_condition(name: str, market: Market) -> np.ndarray:
    """Bound the gap: scores of size 1, and a tanh of R / V, to which each return adds 2 EPS of its price over V."""
    return 200 * EPS + 2 * EPS * root_count(name, market)


@each_series
def root_count(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """Return how large the roundings of prices may stand beside the bars' moves, added up."""
    moved = np.abs(quiet_returns(bars))
    least = np.fmin.accumulate(np.where(moved > 0, moved, np.inf))
    return 2 * np.sqrt(np.arange(1, len(moved) + 1)) / least


def verdict(name: str, market: Market) -> np.ndarray:
    """Return tanh(R / V) of each row, 0 where no bar moved."""
    horizon = HORIZON[name.rsplit("_", 1)[1]]

    @each_series
    def of(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
        returns = log_returns(bars["close"])
        returns = np.where(np.isnan(returns) | (np.abs(returns) <= TIE), 0, returns)
        pauses = np.flatnonzero(np.diff(bars["time"]) > FORGOTTEN * horizon) + 1
        parts = []
        for rows in np.split(np.arange(len(returns)), pauses):
            since = exact(bars["time"][rows] - bars["time"][rows[0]]) / horizon
            total, squares = (np.cumsum(x * np.exp(since)) / np.exp(since) for x in (returns[rows], returns[rows] ** 2))
            parts.append(np.tanh(total / np.sqrt(np.where(squares > 0, squares, np.inf))))
        return np.concatenate(parts)

    return of(name, market)


@oracle("sentiment_price_gap_5m", "sentiment_price_gap_15m", bound=price_condition)
def price_gap(name: str, market: Market) -> np.ndarray:
    horizon = HORIZON[name.rsplit("_", 1)[1]]
    said = per_row(market, tuple(KINDS), 1, lambda now, items: mean_of(items, now, horizon))
    return said - verdict(name, market)


@each_series
def sliding_squares(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    """Bound a volatility from sliding sums: a square that left within the lap leaves its rounding behind."""
    squares = quiet_returns(bars) ** 2
    largest = trailing(np.nan_to_num(squares), 120)
    largest = np.fmax.reduce(largest, axis=1)
    mean = trailing(squares, 20).mean(axis=1)
    return fear_of(bars, 20) * 60 * EPS * largest / np.where(mean > 0, mean, np.inf)


def quiet_returns(bars: dict[str, np.ndarray]) -> np.ndarray:
    returns = log_returns(bars["close"])
    return np.where(np.abs(returns) <= TIE, 0, returns)


def fear_of(bars: dict[str, np.ndarray], window: int) -> np.ndarray:
    session = exact(bars["session_close"] - bars["session_open"])
    year = np.where(session < 86_400 * SECOND, 252, 365) * session
    squares = trailing(quiet_returns(bars) ** 2, window).mean(axis=1)
    return 100 * np.sqrt(squares * year / exact(bars["time"] - bars["start"]))


@oracle("fear_index_20", "fear_index_60", bound=sliding_squares)
@each_series
def fear(name: str, bars: dict[str, np.ndarray]) -> np.ndarray:
    index = fear_of(bars, int(name[-2:]))
    return np.where(np.arange(len(index)) >= 60, index, np.nan)
