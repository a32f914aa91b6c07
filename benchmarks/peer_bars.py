"""The bars that we and the peers get: seeded walks of 1,000 symbols, and what the kernels take a row of them."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final, NamedTuple

import numpy as np

from features import families
from features.catalogue import Stage, registered
from features.engine import FeatureEngine
from features.inputs import TickInputs
from schema.bars import Bars, zero_bars

SYMBOLS: Final = 1_000
SEEN: Final = 300  # bars before the measured ones: six averages of 50 in a row need 295
MEASURED: Final = 40
SECOND: Final = 1_000_000_000


class Walks(NamedTuple):
    """Prices and volumes, (bars, symbols); `returns` are log returns, `log` log closes."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    returns: np.ndarray
    log: np.ndarray


def walks(symbols: int = SYMBOLS, n: int = SEEN + MEASURED) -> Walks:
    """Return seeded walks of prices near 100 in ticks of 0.01."""
    rng = np.random.default_rng(symbols)
    prices = 10_000 + np.cumsum(rng.integers(-4, 5, (n * 8, symbols)), axis=0).reshape(n, 8, symbols)
    opened, high, low, close = prices[:, 0] / 100, prices.max(1) / 100, prices.min(1) / 100, prices[:, -1] / 100
    log = np.log(close)
    returns = np.diff(log, axis=0, prepend=log[:1])
    return Walks(opened, high, low, close, rng.integers(1, 50, close.shape) * 100.0, returns, log)


def bars_of(walk: Walks, at: int) -> Bars:
    """Return bar number `at` of all symbols as the engine takes it."""
    symbols = walk.close.shape[1]
    columns = zero_bars(symbols)._asdict()
    for field in ("open", "high", "low", "close", "volume"):
        columns[field][:] = getattr(walk, field)[at]
    columns["symbol"][:] = np.arange(symbols)
    columns["time"][:], columns["start"][:] = (at + 1) * SECOND, at * SECOND
    columns["notional"][:] = walk.volume[at] * walk.close[at]
    for field in ("bid", "ask", "mid"):
        columns[field][:] = walk.close[at]
    columns["trades"][:], columns["session_close"][:] = 8, 86_400 * SECOND
    return Bars(**columns)


def ours(columns: set[str]) -> tuple[float, int]:
    """Return ns a row of the groups that hold these columns, and how many columns they write in all."""
    families.load()
    groups = [g for g in registered() if g.stage is Stage.BARS and columns & {c.name for c in g.columns}]
    missing = columns - {c.name for g in groups for c in g.columns}
    assert not missing, f"no bar column {missing}"
    engine, walk = FeatureEngine(groups, 1, (True,)), walks()
    engine.grow(SYMBOLS)
    no_ticks = TickInputs(*(np.zeros((0, 2) if f in ("keep", "gain") else 0) for f in TickInputs._fields))
    batches = [bars_of(walk, at) for at in range(len(walk.close))]

    def step(at: int) -> None:
        engine.bar_features(batches[at], engine.tick_features(no_ticks, batches[at]))

    for at in range(SEEN):
        step(at)
    return ns_a_row(step, range(SEEN, SEEN + MEASURED), SYMBOLS), sum(len(group.columns) for group in groups)


def ns_a_row(step: Callable[[int], object], bars: range, symbols: int) -> float:
    """Return the median over bars of the processor time that `step(bar)` takes, over the symbols.

    Processor time, of all threads: the machines are shared, and on one core it is the time that passes.
    """
    spent = []
    for at in bars:
        start = process_time()
        step(at)
        spent.append(process_time() - start)
    return median(spent) / symbols * 1e9
