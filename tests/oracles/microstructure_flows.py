"""Windows over bars from within: their numbers laid side by side, each window afresh in long double.

Bounds: a sliding sum is off by 60 LAPS of the largest term of its last two laps; what is made of it passes that on.
"""

from __future__ import annotations

import numpy as np

from tests.oracles.microstructure import symbols, within_bars
from tests.oracles.microstructure_bars import TIE, largest, over
from tests.oracles.microstructure_quotes import flow_events
from tests.oracles.microstructure_windows import LAPS
from tests.oracles.microstructure_within import bars_of, over_time, sides, squared
from tests.oracles.registry import Market, oracle
from tests.oracles.windows import before, exact, trailing

Numbers = dict[str, np.ndarray]
SLIDES = 60 * LAPS


def _bars(market: Market) -> Numbers:
    """Return the numbers of every row."""
    n = len(market.bars.series)
    made = {field: np.full(n, np.longdouble("nan")) for field in ("x", "volume", "price", "bid_ask", "flow", "depth")}
    for row, bar in bars_of(market):
        size = exact(bar.trade["size"])
        signed = (size * bar.trade["side"]).sum()
        made["x"][row], made["volume"][row] = signed * (abs(signed) > TIE * size.sum()), size.sum()
        made["price"][row] = bar.trade["price"][-1] if len(size) else bar.before
        made["bid_ask"][row] = bar.mid
    for rows, seen in symbols(market):
        _, flow, depth, at = flow_events(seen)
        made["flow"][rows], made["depth"][rows] = within_bars(seen, flow, at), within_bars(seen, depth, at)
    made["u"] = np.nan_to_num(exact(sides("bar_trade_count_imbalance", market)))
    made["mids"] = exact(squared("bar_mid_realized_variance", market))
    made["prices"] = exact(squared("bar_trade_realized_variance", market))
    made["shown"] = exact(over_time("bar_time_weighted_depth", market))
    return made


_MADE: list[tuple[Market, Numbers]] = []


def numbers(market: Market) -> Numbers:
    for known, made in _MADE:
        if known is market:
            return made
    _MADE[:] = [*_MADE[-5:], (market, _bars(market))]
    return _MADE[-1][1]


def each(one):  # type: ignore[no-untyped-def]
    """Make an oracle of a function of one series' numbers that gives values and their errors."""

    def part(which: int):  # type: ignore[no-untyped-def]
        def expected(name: str, market: Market) -> np.ndarray:
            result = np.full(len(market.bars.series), np.nan)
            for series in np.unique(market.bars.series):
                rows = np.flatnonzero(market.bars.series == series)
                result[rows] = one(name, {field: column[rows] for field, column in numbers(market).items()})[which]
            return np.nan_to_num(result) if which else result

        return expected

    return part(0), part(1)


def _share(name: str, b: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """The ratio of two sums; what is undefined before the first trade or quote adds nothing later."""
    part, whole = {"order": ("flow", "depth"), "signe": ("x", "volume"), "mid_t": ("mids", "prices")}[name[:5]]
    window = int(name[-2:])
    top, bottom = (trailing(np.nan_to_num(b[field]), window).sum(axis=1) for field in (part, whole))
    off = [SLIDES * np.nan_to_num(largest(b[field], 122)) for field in (part, whole)]
    value = np.where(np.isnan(b[part]) | np.isnan(b[whole]), np.nan, over(top, bottom))
    return value, over(off[0] + np.abs(value) * off[1], bottom)


def _returns(b: Numbers) -> np.ndarray:
    moves = (b["bid_ask"] - before(b["bid_ask"])) / before(b["bid_ask"])
    return np.where(np.abs(moves) <= TIE, 0, np.log1p(moves))


def _fit(name: str, b: Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Kyle: least squares of the returns on x with an intercept; slope or R^2."""
    window, y = int(name[-2:]), _returns(b)
    ys = trailing(y, window)
    known = ~np.isnan(ys)
    count = known.sum(axis=1)
    xs, ys = np.where(known, trailing(b["x"], window), 0), np.where(known, ys, 0)
    squares = (xs * xs).sum(axis=1)
    per = np.maximum(count, 1)[:, None]
    xs, ys = (np.where(known, v - v.sum(axis=1)[:, None] / per, 0) for v in (xs, ys))
    xx, xy, yy = (xs * xs).sum(axis=1), (xs * ys).sum(axis=1), (ys * ys).sum(axis=1)
    ok = (np.arange(len(y)) >= window) & (count >= 3) & (xx > 1e-9 * squares) & (squares > 0)
    slope = np.where(ok, over(xy, xx), np.nan)
    most_x, most_y = largest(b["x"], 122), np.nan_to_num(largest(y, 122))
    off = over(2 * SLIDES * most_x * (most_y + np.abs(slope) * most_x), xx)
    if name == "kyle_r2_60":
        ok = yy > TIE**2 * count
        fit = np.where(ok, slope * over(xy, yy), np.nan)
        less = over(2 * SLIDES * most_y * (most_x * np.abs(slope) + fit * most_y), yy) + off * np.abs(over(xy, yy))
        return fit, less
    return 10_000 * slope, 10_000 * off


def _root(name: str, b: Numbers) -> tuple[np.ndarray, np.ndarray]:
    y, paid = _returns(b), b["x"] * b["price"]
    slope, _ = _fit("kyle_lambda_60", b)
    known = ~np.isnan(trailing(y, 60))
    root = np.sign(paid) * np.sqrt(np.abs(paid))
    roots, ys = np.where(known, trailing(root, 60), 0), np.where(known, trailing(y, 60), 0)
    whole, count = (roots**2).sum(axis=1), known.sum(axis=1)
    value = over((roots * ys).sum(axis=1), np.sqrt(count * whole))
    most, most_y = np.nan_to_num(largest(root, 122)), np.nan_to_num(largest(y, 122))
    off = over(SLIDES * most * most_y, np.sqrt(count * whole)) + np.abs(value) * over(SLIDES * most**2, whole)
    return np.where(np.isnan(slope), np.nan, 10_000 * value), 10_000 * off


def _autocorrelation(name: str, b: Numbers) -> tuple[np.ndarray, np.ndarray]:
    window = trailing(b["u"], 60)
    apart = window - window.mean(axis=1)[:, None]
    squares = (apart**2).sum(axis=1)
    squares = np.where((squares > 1e-9), squares, np.nan)
    value = (apart[:, 1:] * apart[:, :-1]).sum(axis=1) / squares
    return value, 3 * SLIDES * (1 + np.abs(value)) / squares


def _depth_z(name: str, b: Numbers) -> tuple[np.ndarray, np.ndarray]:
    values = trailing(b["shown"], 60)
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, values, 0).sum(axis=1) / count
    deviation = np.sqrt(np.where(known, (values - mean[:, None]) ** 2, 0).sum(axis=1) / count)
    ok = (np.arange(len(values)) >= 59) & known[:, -1] & (deviation > 1e-9 * mean)
    deviation = np.where(ok, deviation, np.nan)
    z, most = (values[:, -1] - mean) / deviation, np.nan_to_num(largest(b["shown"], 122))
    ratio = most / deviation
    return z, LAPS * ratio * (1 + np.abs(z) + np.abs(z) * ratio)


_shares, _shares_off = each(_share)
oracle(*(f"{what}_{w}" for what in ("order_flow_imbalance", "signed_volume_share", "mid_to_trade_variance_ratio")
         for w in (20, 60)), bound=_shares_off)(_shares)  # fmt: skip
_fits, _fits_off = each(_fit)
oracle("kyle_lambda_20", "kyle_lambda_60", "kyle_r2_60", bound=_fits_off)(_fits)
_roots, _roots_off = each(_root)
oracle("hasbrouck_lambda_60", bound=_roots_off)(_roots)
_signs, _signs_off = each(_autocorrelation)
oracle("trade_sign_autocorrelation_60", bound=_signs_off)(_signs)
_depths, _depths_off = each(_depth_z)
oracle("depth_z_60", bound=_depths_off)(_depths)
