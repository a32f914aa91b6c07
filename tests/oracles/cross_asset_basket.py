"""A series' place in the basket by the formulas: windows of all symbols' returns by market time, in long double.

Bounds: sums of returns slide for up to LAP market times, each with three roundings of at most what the window held in
that time (`cross_asset_model.CARRIED`). The kernel sums products over symbols anew at each market time, so that the
covariance of T bars is good to 8 roundings of its trace a row, and its first eigenvector to that beside the gap between
the first eigenvalues; the Lanczos steps end with a residual of 1e-12 of the first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from features.ties import TIE
from tests.oracles.cross_asset import LONG, ROUNDING, bar_times, largest, with_return
from tests.oracles.cross_asset_model import CARRIED
from tests.oracles.registry import Market, oracle

ENDED = 1e-12
FACTOR = 64


@dataclass
class Basket:
    """One market time of a timeframe: its rows, how long each has been there, and the windows of all symbols."""

    rows: np.ndarray  # that have a return
    streaks: np.ndarray  # (rows,) market times in a row
    returns: np.ndarray  # (rows, times up to now), 0 where there is none
    market: np.ndarray  # (times,)
    off: float  # of the market's returns


def streak(has: np.ndarray) -> np.ndarray:
    """Count for each symbol (rows of `has`) how many of the last columns it has without a break."""
    missing = ~has[:, ::-1]
    return np.where(missing.any(axis=1), missing.argmax(axis=1), has.shape[1])


_last: list[tuple[Market, list[Basket]]] = []


def baskets(market: Market) -> list[Basket]:
    """Return every market time; the last market's are kept for the next column."""
    if not _last or _last[0][0] is not market:
        _last[:] = [(market, _baskets(market))]
    return _last[0][1]


def _baskets(market: Market) -> list[Basket]:
    bars, found = market.bars, []
    off = largest("market_return", market)
    for timeframe in range(market.n_timeframes):
        groups = [rows for rows in bar_times(market) if bars.timeframe[rows[0]] == timeframe]
        groups = [valid for rows in groups if len(valid := with_return(market, rows)) >= 2]
        returns = np.full((market.n_symbols, len(groups)), LONG("nan"))
        for t, rows in enumerate(groups):
            returns[bars.symbol[rows], t] = bars.log_return[rows]
        mean = np.array([np.nanmean(column) for column in returns.T], LONG)
        for t, rows in enumerate(groups):
            recent, symbols = slice(max(t - 299, 0), t + 1), bars.symbol[rows]
            known = ~np.isnan(returns[symbols, recent])
            there = streak(known)
            held = np.arange(known.shape[1]) >= known.shape[1] - there[:, None]
            found.append(
                Basket(
                    rows, there, np.where(held, returns[symbols, recent], 0), mean[recent],
                    max(off[g].max() for g in groups[max(t - 63, 0) : t + 1]),
                )
            )  # fmt: skip
    return found


Answer = tuple[np.ndarray | float, np.ndarray | float]
NOTHING: Answer = (np.nan, 0.0)


def window_of(name: str) -> int:
    return int(name.rsplit("_", 1)[1])


def carried(basket: Basket, window: int) -> np.ndarray:
    """Return how well sliding sums of a row's returns are known."""
    sizes = np.abs(basket.returns[:, -window - 128 :].astype(float))
    return CARRIED * np.sqrt(window) * np.sqrt((sizes**2).sum(axis=1))


def ranked(name: str, basket: Basket) -> Answer:
    window = window_of(name)
    values = np.sqrt((basket.returns[:, -window:] ** 2).mean(axis=1)) * 2.0**40
    expected = np.full(len(basket.rows), np.nan)
    valid = basket.streaks >= window
    if valid.sum() >= 2:
        expected[valid] = (rankdata(np.rint(values[valid])) - 1) / (valid.sum() - 1)
    return expected, 0.0


def of_market(name: str, basket: Basket) -> Answer:
    window = window_of(name)
    returns = basket.market[-window:]
    if name.startswith("market_return"):
        return returns.sum(), window * (basket.off + ROUNDING * float(np.abs(returns).sum()))
    return returns.std(ddof=1) if len(returns) > 1 else np.nan, 4 * basket.off


def of_rows(name: str, basket: Basket) -> Answer:
    whole = basket.streaks >= 20
    if whole.sum() < 2:
        return NOTHING
    sums, levels = basket.returns[whole, -20:].sum(axis=1), np.cumsum(basket.returns[whole, -20:], axis=1)
    levels = np.concatenate([np.zeros((len(levels), 1), LONG), levels], axis=1)
    if name == "return_dispersion_20":
        return sums.std(), 2 * carried(basket, 20).max() + 8 * ROUNDING * float(np.abs(sums).max())
    above = levels[:, -1] - levels.mean(axis=1) if name == "breadth_above_mean_20" else sums
    return (above > TIE).mean(), 0.0


def average_correlation(name: str, basket: Basket) -> Answer:
    recent = basket.returns[:, -FACTOR:]
    if recent.shape[1] < FACTOR:
        return NOTHING
    apart = recent - recent.mean(axis=1)[:, None]
    covariance = apart @ apart.T
    deviations = np.where((np.abs(recent) > TIE).any(axis=1), np.sqrt(np.diag(covariance)), 0)
    pairs = ~np.eye(len(recent), dtype=bool)
    if (deviations > 0).sum() < 2:
        return NOTHING
    scale = np.outer(deviations, deviations)[pairs].sum()
    size = np.sqrt((basket.returns[:, -FACTOR - 128 :].astype(float) ** 2).sum(axis=1)).sum()
    value = covariance[pairs].sum() / scale
    return value, float((1 + abs(value)) * (CARRIED * size**2 + 2 * len(recent) * 8 * size * basket.off) / scale)


def factor(name: str, basket: Basket) -> Answer:
    recent = basket.returns[:, -FACTOR:].astype(float)
    if recent.shape[1] < FACTOR:
        return NOTHING
    apart = recent - recent.mean(axis=1)[:, None]
    values, vectors = np.linalg.eigh(apart.T @ apart)
    market = basket.market[-FACTOR:].astype(float)
    market = market - market.mean()
    if (market**2).sum() <= FACTOR * TIE**2 or values.sum() <= FACTOR * TIE**2:
        return NOTHING
    path = vectors[:, -1] * np.sign(vectors[:, -1] @ market)
    roundings = 8 * ROUNDING * len(recent) * values.sum() / values[-1] + len(recent) * ENDED
    if name == "absorption_64":
        return values[-1] / values.sum(), 2 * roundings
    lengths = np.sqrt((apart**2).sum(axis=1))
    moved = (np.abs(recent) > TIE).any(axis=1) & (values[-2] <= 0.9 * values[-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        loading = np.where(moved, apart @ path / np.where(moved, lengths, 1), np.nan)
        sizes = (basket.returns[:, -FACTOR - 128 :].astype(float) ** 2).sum(axis=1)
        off = roundings / (1 - values[-2] / values[-1]) + np.where(moved, CARRIED * sizes / lengths**2, 0)
    return loading, off


HOW = {
    "cross_volatility_rank_20": ranked,
    **dict.fromkeys(("market_return_5", "market_return_20", "market_return_60"), of_market),
    **dict.fromkeys(("market_volatility_20", "market_volatility_60"), of_market),
    **dict.fromkeys(("return_dispersion_20", "breadth_20", "breadth_above_mean_20"), of_rows),
    "average_correlation_64": average_correlation,
    **dict.fromkeys(("absorption_64", "first_factor_loading_64"), factor),
}
_answers: dict[str, tuple[Market, tuple[np.ndarray, np.ndarray]]] = {}


def answers(name: str, market: Market) -> tuple[np.ndarray, np.ndarray]:
    """Return what is expected and its bound; the last market's are kept, since the laws ask for one after the other."""
    if name not in _answers or _answers[name][0] is not market:
        expected, bound = np.full(len(market.bars.n), np.nan), np.zeros(len(market.bars.n))
        for basket in baskets(market):
            value, off = HOW[name](name, basket)
            expected[basket.rows] = np.where(basket.streaks >= window_of(name), value, np.nan)
            bound[basket.rows] = off
        _answers[name] = market, (expected, bound)
    return _answers[name][1]


@oracle(*HOW, bound=lambda name, market: answers(name, market)[1])
def of_basket(name: str, market: Market) -> np.ndarray:
    return answers(name, market)[0]
