"""A series against the market and the leaders by the formulas: every window of returns anew, in long double.

Windows run over market times: bar times at which two rows or more have a return. One without a break of so many is
undefined.

Bounds: the kernel's sums slide for up to LAP market times, each with three roundings of at most the largest sum of the
lap; so after products with a mean a sum of products of deviations is good to CARRIED times the product of the largest
lengths that either had in window or lap. The market's return is good to 8 roundings of the largest return of its bar
time (`largest`), which counts as a change of every market return by as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.ties import TIE
from tests.oracles.cross_asset import LONG, ROUNDING, bar_times, largest, with_return
from tests.oracles.registry import Market, oracle
from tests.oracles.windows import trailing

LAP = 128
CARRIED = 2 * 3 * LAP * ROUNDING
FLAT = 1e-20


@dataclass
class Run:
    """The rows of a series over market times without a break, (rows,) each, NaN where the leader has no return."""

    rows: np.ndarray
    own: np.ndarray
    market: np.ndarray
    leaders: list[np.ndarray]
    off: np.ndarray  # of the market's return
    present: list[np.ndarray]  # whether the bar time has a row of the leader


_last: list[tuple[Market, list[Run]]] = []


def runs(market: Market) -> list[Run]:
    """Return each unbroken run of each series; the last market's are kept for the next column."""
    if not _last or _last[0][0] is not market:
        _last[:] = [(market, list(_runs(market)))]
    return _last[0][1]


def _runs(market: Market) -> Iterator[Run]:
    bars, n = market.bars, len(market.bars.n)
    whole, clock = np.full(n, LONG("nan")), np.zeros(n, np.int64)
    leaders, present = np.full((2, n), LONG("nan")), np.zeros((2, n), bool)
    times = dict.fromkeys(range(market.n_timeframes), 0)
    off = largest("market_return", market)
    for rows in bar_times(market):
        if len(valid := with_return(market, rows)) < 2:
            continue
        times[bars.timeframe[rows[0]]] += 1
        clock[valid], whole[valid] = times[bars.timeframe[rows[0]]], bars.log_return[valid].astype(LONG).mean()
        for j, symbol in enumerate(market.leaders):
            if len(leading := rows[bars.symbol[rows] == symbol]):
                leaders[j, valid], present[j, valid] = bars.log_return[leading[0]], True
    for series in np.unique(bars.series):
        rows = np.flatnonzero((bars.series == series) & (clock > 0))
        for part in np.split(rows, np.flatnonzero(np.diff(clock[rows]) != 1) + 1):
            if len(part):
                own = bars.log_return[part].astype(LONG)
                yield Run(part, own, whole[part], list(leaders[:, part]), off[part], list(present[:, part]))


def moved(values: np.ndarray) -> np.ndarray:
    """Say of each window (rows, n) whether it has a move."""
    return (np.abs(values) > TIE).any(axis=1)


def deviations(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=1)[:, None]


def lagged(values: np.ndarray, lag: int) -> np.ndarray:
    return np.concatenate([np.full(lag, LONG("nan")), values])[: len(values)]


def lengths(values: np.ndarray, window: int, lap: int = LAP) -> np.ndarray:
    """Return the largest length that a window's values had within the last lap."""
    squares = trailing(np.nan_to_num(values).astype(float) ** 2, window).astype(float)
    return np.sqrt(np.fmax.reduce(trailing(np.nansum(squares, axis=1), lap + 1).astype(float), axis=1))


@dataclass
class Fit:
    """Regressions of windows of x on y, (rows,) each; NaN where undefined."""

    beta: np.ndarray
    correlation: np.ndarray
    residual_squares: np.ndarray
    beta_off: np.ndarray
    correlation_off: np.ndarray
    squares_off: np.ndarray


def fit(x: np.ndarray, y: np.ndarray, window: int, off: np.ndarray) -> Fit:
    """Regress trailing windows of x on those of y; values of y are good to `off`, values of x exact."""
    own, other = trailing(x, window), trailing(y, window)
    a, b = deviations(own), deviations(other)
    products, xx, yy = (a * b).sum(axis=1), (a**2).sum(axis=1), (b**2).sum(axis=1)
    yy = np.where(moved(other) & (yy > FLAT * (other**2).sum(axis=1)), yy, np.nan)
    xx_moved = np.where(moved(own), xx, np.nan)
    beta, correlation = products / yy, products / np.sqrt(xx_moved * yy)
    long_x, long_y = lengths(x, window), lengths(y, window)
    worst = np.nanmax(trailing(off, window).astype(float), axis=1, initial=0.0)
    products_off = CARRIED * long_x * long_y + 2 * long_x * np.sqrt(window) * worst
    xx_off, yy_off = CARRIED * long_x**2, 2 * np.sqrt((yy * window).astype(float)) * worst
    beta_off = (products_off + np.abs(beta) * yy_off) / yy
    correlation_off = products_off / np.sqrt(xx_moved * yy) + (xx_off / xx_moved + yy_off / yy) / 2
    squares_off = xx_off + 2 * np.abs(beta) * products_off + beta**2 * yy_off
    squares = xx - beta * products
    return Fit(beta, correlation, squares, *(v.astype(float) for v in (beta_off, correlation_off, squares_off)))


Answer = tuple[np.ndarray, np.ndarray]  # expected and its bound, (rows,)


def against_market(name: str, run: Run) -> Answer:
    kind, window = name.removeprefix("market_").rsplit("_", 1)
    found = fit(run.own, run.market, int(window), run.off)
    if kind == "beta":
        return found.beta, found.beta_off
    if kind == "correlation":
        return found.correlation, found.correlation_off
    size, off = (
        np.sqrt(np.maximum(found.residual_squares, 0) / (int(window) - 2)),
        found.squares_off / (int(window) - 2),
    )
    return size, np.fmin(off / np.where(size > 0, size, np.nan).astype(float), np.sqrt(off))


def residual(name: str, run: Run) -> Answer:
    found, over = fit(run.own, run.market, 60, run.off), 1 if name == "residual_return_60" else 20
    own, whole = trailing(run.own, over).sum(axis=1), trailing(run.market, over).sum(axis=1)
    off = found.beta_off * np.abs(whole) + np.abs(found.beta) * over * worst_of(run.off, over)
    return own - found.beta * whole, off.astype(float) + CARRIED * np.sqrt(over) * lengths(run.own, over)


def worst_of(off: np.ndarray, window: int) -> np.ndarray:
    return np.nanmax(trailing(off, window).astype(float), axis=1)


def strength(name: str, run: Run) -> Answer:
    window = int(name.rsplit("_", 1)[1])
    other = run.market if name.startswith("relative") else run.leaders[name.startswith("second")]
    expected = (trailing(run.own, window) - trailing(other, window)).sum(axis=1)
    sizes = lengths(run.own, window) + np.where(np.isnan(expected), 0, lengths(other, window))
    return expected, CARRIED * np.sqrt(window) * sizes + window * worst_of(run.off, window)


def downside(name: str, run: Run) -> Answer:
    x, y = trailing(run.own, 60), trailing(run.market, 60)
    falls = y < -TIE
    n = np.maximum(falls.sum(axis=1), 1)[:, None]
    a, b = (np.where(falls, v - np.where(falls, v, 0).sum(axis=1)[:, None] / n, 0) for v in (x, y))
    yy = (b**2).sum(axis=1)
    full = ~np.isnan(x).any(axis=1) & (yy > FLAT * np.where(falls, y**2, 0).sum(axis=1))
    yy = np.where(full, yy, np.nan)
    beta, long_x, worst = (a * b).sum(axis=1) / yy, lengths(run.own, 60), worst_of(run.off, 60)
    products_off = CARRIED * long_x * lengths(run.market, 60) + 2 * long_x * np.sqrt(60) * worst
    return beta, ((products_off + np.abs(beta) * 2 * np.sqrt(yy * 60) * worst) / yy).astype(float)


def spread(name: str, run: Run) -> Answer:
    """Levels are good to a rounding a step, and lie within the largest that a window or lap has seen of them."""
    steps = run.own - run.market
    levels = trailing(np.cumsum(steps), 60)
    deviation = levels.std(axis=1, ddof=1)
    deviation = np.where(moved(trailing(steps, 60)[:, 1:]), deviation, np.nan)
    z = (levels[:, -1] - levels.mean(axis=1)) / deviation
    size = np.abs(np.nan_to_num(trailing(steps, 60 + 2 * LAP))).sum(axis=1)
    level_off = CARRIED * size + (60 + LAP) * worst_of(run.off, 60)
    squares_off = 2 * 60 * (CARRIED * size**2 + size * level_off)
    return z, ((2 * level_off) / deviation + np.abs(z) * squares_off / (2 * 59 * deviation**2)).astype(float)


def lead_lag(name: str, run: Run) -> Answer:
    _, kind, lag, *_ = name.split("_")
    gap = int(lag)
    if kind == "lead":
        found = fit(run.own, lagged(run.market, gap), 60, np.nan_to_num(lagged(run.off, gap)))
        early = np.arange(len(run.rows)) < 60 + gap - 1
    else:
        found = fit(lagged(run.own, gap), run.market, 60, run.off)
        early = np.arange(len(run.rows)) < 60 + gap - 1
    return np.where(early, np.nan, found.correlation), found.correlation_off


def against_leader(name: str, run: Run) -> Answer:
    leader = run.leaders[name.startswith("second")]
    found = fit(run.own, lagged(leader, 1) if "lead_1" in name else leader, 60, np.zeros(len(run.rows)))
    absent = np.isnan(leader)
    expected, off = (found.beta, found.beta_off) if "beta" in name else (found.correlation, found.correlation_off)
    return np.where(absent, np.nan, expected), off


HOW = {
    **{f"market_{kind}_{w}": against_market for w in (20, 60, 120) for kind in ("beta", "correlation")},
    **{f"idiosyncratic_volatility_{w}": against_market for w in (20, 60, 120)},
    **dict.fromkeys(("residual_return_60", "residual_momentum_20"), residual),
    **dict.fromkeys(("relative_strength_20", "relative_strength_60"), strength),
    "downside_beta_60": downside,
    "market_spread_z_60": spread,
    **{f"market_{kind}_1_correlation_60": lead_lag for kind in ("lead", "lag")},
    **{
        f"{leader}_leader_{what}": how
        for leader in ("first", "second")
        for what, how in {
            "beta_60": against_leader,
            "correlation_60": against_leader,
            "lead_1_correlation_60": against_leader,
            "relative_strength_20": strength,
        }.items()
    },
}


_answers: dict[str, tuple[Market, Answer]] = {}


def answers(name: str, market: Market) -> Answer:
    """Return what is expected and its bound; the last market's are kept, since the laws ask for one after the other."""
    if name not in _answers or _answers[name][0] is not market:
        _answers[name] = market, _computed(name, market)
    return _answers[name][1]


def _computed(name: str, market: Market) -> Answer:
    expected, bound = np.full(len(market.bars.n), np.nan), np.zeros(len(market.bars.n))
    with np.errstate(invalid="ignore", divide="ignore"):
        for run in runs(market):
            expected[run.rows], off = HOW[name](name, run)
            bound[run.rows] = np.nan_to_num(off, posinf=0.0)
    return expected, bound


@oracle(*HOW, bound=lambda name, market: answers(name, market)[1])
def model(name: str, market: Market) -> np.ndarray:
    return answers(name, market)[0]
