"""Laws of the weights beside the ticks: right to their last bits, each from the symbol's tick before of the kind."""

from __future__ import annotations

import numpy as np

from features.event_time import FORGOTTEN, HORIZONS, decays
from schema.ticks import QUOTE, TRADE

WAITS = np.unique(np.concatenate([np.geomspace(1, 1e14, 2_000).astype(np.int64), [0, 62_500_000, 62_500_001, 10**9]]))


def test_weights_are_exact_to_their_last_bits() -> None:
    last = np.full((len(WAITS), 2), 10**18)
    symbol = np.arange(len(WAITS), dtype=np.int32)
    keep, gain = decays(last, symbol, np.full(len(WAITS), QUOTE, np.uint8), 10**18 + WAITS)
    x = WAITS[:, None].astype(np.longdouble) / np.array(HORIZONS)
    lost = np.exp(-x) * (x <= FORGOTTEN)
    won = np.where(x <= FORGOTTEN, -np.expm1(-x), 1)
    assert (np.abs(keep - lost) <= 2.0**-52 * (1 + np.where(x > 1, x, 0)) * lost).all()
    assert (np.abs(gain - won) <= 2.0**-51 * won).all()


def test_each_symbol_and_kind_has_its_own_clock() -> None:
    last = np.zeros((2, 2), np.int64)
    symbol, kind = np.array([0, 0, 1, 0, 0], np.int32), np.array([TRADE, QUOTE, TRADE, TRADE, QUOTE], np.uint8)
    time = 10**18 + np.array([0, 10, 20, 30, 40]) * 10**9
    keep, _ = decays(last, symbol, kind, time)
    assert (keep[:3] == 0).all()
    np.testing.assert_allclose(keep[3:], np.exp(-30e9 / np.array([HORIZONS, HORIZONS])), rtol=1e-14)
    assert last.tolist() == [[time[3], time[4]], [time[2], 0]]
