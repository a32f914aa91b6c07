"""Oracles of the regime columns: the formula a window, or the recursion step by step, in long double."""

from __future__ import annotations

import numpy as np

from tests.oracles.regime_volatility import slid
from tests.oracles.registry import each_series, oracle
from tests.oracles.statistical import returns_of, spread_out
from tests.oracles.windows import EPS, before, log_returns, smoothed, trailing

Series = dict[str, np.ndarray]
DIED_AWAY = 1e-24  # a squared return


@each_series
def slid_deviations(name: str, bars: Series) -> np.ndarray:
    """Bound a ratio of deviations: returns carry the rounding of their prices, which a quiet window magnifies.

    Squares less the squared mean lose what sliding squares lost, beside what is left of them (1 in 1,000 at least).
    """
    squares, lost = log_returns(bars["close"]) ** 2, 0.0
    for window in (10, 60):
        whole, left = trailing(squares, window).sum(axis=1), window * returns_of(bars, window).var(axis=1)
        lost += 3 * slid(squares, window) * np.minimum(whole / np.where(left > 0, left, np.inf), 1e3)
    long = returns_of(bars, 60).std(axis=1)
    return (4 * EPS / np.where(long > 0, long, np.inf) + 2.6 * np.nan_to_num(lost)).astype(float)


@oracle("volatility_ratio_10_60", bound=slid_deviations)
@each_series
def volatility_ratio(name: str, bars: Series) -> np.ndarray:
    return returns_of(bars, 10).std(axis=1, ddof=1) / spread_out(returns_of(bars, 60)).std(axis=1, ddof=1)


def variance(bars: Series) -> np.ndarray:
    values = smoothed(log_returns(bars["close"]) ** 2, 20, 2 / 21, first=1)
    return np.where(values <= DIED_AWAY, 0, values)


@oracle("volatility_percentile_120")
@each_series
def volatility_percentile(name: str, bars: Series) -> np.ndarray:
    windows = trailing(variance(bars), 120)
    earlier, now = windows[:, :-1], windows[:, -1:]
    share = ((earlier < now).sum(axis=1) + (earlier == now).sum(axis=1) / 2) / 119
    return np.where(np.isnan(windows).any(axis=1), np.nan, share)


@oracle("cusum_return", bound=lambda name, market: cusum_condition("", market))
@each_series
def cusum(name: str, bars: Series) -> np.ndarray:
    volatility = np.sqrt(before(variance(bars)))
    returns, up, down = log_returns(bars["close"]), np.longdouble(0), np.longdouble(0)
    result = np.full(len(returns), np.nan)
    for row in np.flatnonzero(volatility > 0):
        z = returns[row] / volatility[row]
        up, down = max(up + z - 0.5, np.longdouble(0)), max(down - z - 0.5, np.longdouble(0))
        result[row] = up if up >= down else -down
        if max(up, down) >= 5:
            up, down = np.longdouble(0), np.longdouble(0)
    return result


@each_series
def cusum_condition(name: str, bars: Series) -> np.ndarray:
    """Bound a sum that lies near 0 after adding and taking away: each return carries the rounding of its prices."""
    volatility = np.sqrt(before(variance(bars)))
    added = 2 * EPS / np.where(volatility > 0, volatility, np.inf)
    return np.nansum(trailing(added, 60), axis=1)


def page_hinkley_steps(name: str, bars: Series) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return up, down, bars since an alarm and the rounding that the sums may carry, a row each (NaN: undefined).

    The rounding of a sum is that of all it added since it began or was cut off at 0 by more than it: z carries some
    20 EPS of its variance's recursion, as much again its slow mean.
    """
    volatility = np.sqrt(before(variance(bars)))
    z = log_returns(bars["close"]) / np.where(volatility > 0, volatility, np.nan)
    watched = np.abs(z) if "volatility" in name else z
    mean = np.longdouble(np.sqrt(2 / np.pi) if "volatility" in name else 0)
    result, sums, rough, since = np.full((4, len(z)), np.nan), [np.longdouble(0)] * 2, [0.0, 0.0], 0
    for row in np.flatnonzero(~np.isnan(watched)):
        above = watched[row] - mean
        mean += (watched[row] - mean) * 2 / 121
        for side, added in enumerate((above - 0.25, -above - 0.25)):
            summed, step = sums[side] + added, 64 * EPS * float(1 + abs(watched[row]))
            rough[side] = 0.0 if summed < -(rough[side] + step) else rough[side] + step
            sums[side] = max(summed, np.longdouble(0))
        alarm = max(sums) >= 8
        since = 0 if alarm else min(since + 1, 250)
        result[:, row] = *sums, since, max(rough)
        if alarm:
            sums, rough = [np.longdouble(0)] * 2, [0.0, 0.0]
    return result


@each_series
def page_hinkley_rounding(name: str, bars: Series) -> np.ndarray:
    return np.nan_to_num(page_hinkley_steps(name, bars)[3])


@oracle(
    *(f"page_hinkley_{watched}_{side}" for watched in ("return", "volatility") for side in ("up", "down")),
    bound=page_hinkley_rounding,
)
@each_series
def page_hinkley(name: str, bars: Series) -> np.ndarray:
    return page_hinkley_steps(name, bars)[0 if name.endswith("up") else 1]


@oracle("bars_since_page_hinkley_return_alarm", "bars_since_page_hinkley_volatility_alarm")
@each_series
def bars_since_alarm(name: str, bars: Series) -> np.ndarray:
    return page_hinkley_steps(name, bars)[2]
