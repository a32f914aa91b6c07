"""A market of bars and feature rows made for the tests: a martingale, or one with a planted signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.config import SIGMA
from models.data.dataset import Dataset, DatasetBuilder
from schema.bars import Bars, take_bars, zero_bars
from schema.features import FeatureRows
from schema.reasons import Why
from schema.ticks import Float64, Int64
from schema.timeframes import SECOND, parse_timeframe

NAMES = ("signal", "noise", "sometimes", SIGMA, "trend")
FINGERPRINTS = {name: f"{k:016x}" for k, name in enumerate(NAMES)}
START = 1_700_000_000 * SECOND
_VOLATILITY = 2e-4


@dataclass(frozen=True)
class TestMarket:
    """Bars in stream order and their rows."""

    __test__ = False
    bars: Bars
    rows: FeatureRows

    def part(self, which: slice | Int64) -> tuple[Bars, FeatureRows]:
        return take_bars(self.bars, which), FeatureRows(self.rows.values[which], self.rows.why[which])


def make_market(symbols: int, n: int, *, planted: float = 0.0, seed: int = 7, timeframes: int = 1) -> TestMarket:
    """Make `n` one-second bars of each symbol; `planted` is the share of the signal in the next return."""
    random = np.random.default_rng(seed)
    signal = _persistent(random, (n, symbols))
    shocks = random.standard_normal((n, symbols))
    returns = _VOLATILITY * (planted * np.vstack([np.zeros(symbols), signal[:-1]]) + np.sqrt(1 - planted**2) * shocks)
    mid = 100 * np.exp(np.cumsum(returns, axis=0))
    values = np.stack(
        [signal, random.standard_normal((n, symbols)), random.standard_normal((n, symbols)),
         np.full((n, symbols), _VOLATILITY) * random.uniform(0.9, 1.1, (n, symbols)), returns / _VOLATILITY], axis=-1
    )  # fmt: skip
    why = np.zeros(values.shape, np.uint8)
    why[..., 2][random.random((n, symbols)) < 0.2] = Why.NO_TRADES
    why[:5, :, 3] = Why.WARMING_UP
    why[random.random((n, symbols)) < 0.02, 3] = Why.GAP
    values[why > 0] = np.nan
    shape = (n, timeframes, symbols)
    bars = zero_bars(n * timeframes * symbols)
    time = START + SECOND * np.arange(1, n + 1)
    bars.time[:] = np.broadcast_to(time[:, None, None], shape).ravel()
    bars.start[:] = bars.time - SECOND
    bars.symbol[:] = np.broadcast_to(np.arange(symbols), shape).ravel()
    bars.timeframe[:] = np.broadcast_to(np.arange(timeframes)[:, None], shape).ravel()
    bars.sequence[:] = np.broadcast_to(np.arange(n)[:, None, None], shape).ravel()
    bars.mid[:] = np.broadcast_to(mid[:, None, :], shape).ravel()
    bars.close[:] = bars.mid
    bars.session_open[:] = START
    bars.session_close[:] = START + 10**6 * SECOND
    wide = np.broadcast_to(values[:, None], (*shape, values.shape[-1])).reshape(-1, values.shape[-1]).copy()
    wide_why = np.broadcast_to(why[:, None], (*shape, why.shape[-1])).reshape(-1, why.shape[-1]).copy()
    return TestMarket(bars, FeatureRows(wide, wide_why))


def make_dataset(market: TestMarket, horizons: int = 10) -> Dataset:
    builder = DatasetBuilder(NAMES, FINGERPRINTS, parse_timeframe("1s"), 0, horizons=horizons)
    for first in range(0, len(market.bars.time), 997):
        builder.add(*market.part(slice(first, first + 997)))
    return builder.finish()


def _persistent(random: np.random.Generator, shape: tuple[int, int]) -> Float64:
    out = random.standard_normal(shape)
    for k in range(1, len(out)):
        out[k] = 0.9 * out[k - 1] + np.sqrt(1 - 0.81) * out[k]
    return out
