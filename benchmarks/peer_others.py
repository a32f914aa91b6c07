"""talipp, polars and tsfresh beside our kernels, each on the columns it has, each called the quickest way we know.

talipp:  an indicator object a symbol, `add(value)` a bar.
polars:  one lazy query a bar over all symbols: the last 121 values of a symbol are a list, and a column a function of
         its tail. Half to a tenth of what `group_by` takes. On one thread.
tsfresh: its calculators called directly on the last 60 returns; `extract_features` takes much longer.
"""

from __future__ import annotations

import os

os.environ["POLARS_MAX_THREADS"] = "1"  # read when it is loaded

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl
from talipp import indicators as ti
from talipp.ohlcv import OHLCV
from tsfresh.feature_extraction import feature_calculators as calculate

from benchmarks.peer_bars import MEASURED, SEEN, Walks, ns_a_row, walks

WINDOW: Final = 121
FEW: Final = 4  # symbols that talipp and tsfresh get

OF_CLOSE: Final[dict[str, Callable[[], Any]]] = {
    **{f"sma_ratio_{n}": lambda n=n: ti.SMA(n) for n in (5, 10, 20, 50, 100, 200)},
    **{f"ema_ratio_{n}": lambda n=n: ti.EMA(n) for n in (5, 10, 20, 50, 100, 200)},
    **{f"wma_ratio_{n}": lambda n=n: ti.WMA(n) for n in (5, 10, 20, 50, 100, 200)},
    **{f"hma_ratio_{n}": lambda n=n: ti.HMA(n) for n in (5, 10, 20, 50)},
    **{f"dema_ratio_{n}": lambda n=n: ti.DEMA(n) for n in (5, 10, 20, 50)},
    **{f"tema_ratio_{n}": lambda n=n: ti.TEMA(n) for n in (5, 10, 20, 50)},
    **{f"t3_ratio_{n}": lambda n=n: ti.T3(n) for n in (5, 10, 20, 50)},
    **{f"kama_ratio_{n}": lambda n=n: ti.KAMA(n, 2, 30) for n in (5, 10, 20, 50, 100, 200)},
    **{f"rsi_{n}": lambda n=n: ti.RSI(n) for n in (7, 14, 21)},
    "trix_20": lambda: ti.TRIX(20), "bollinger_position_20": lambda: ti.BB(20, 2), "roc_10": lambda: ti.ROC(10),
    "macd_ratio": lambda: ti.MACD(12, 26, 9), "stoch_rsi_k_14": lambda: ti.StochRSI(14, 14, 1, 3),
    "tsi_25_13": lambda: ti.TSI(13, 25), "coppock": lambda: ti.CoppockCurve(11, 14, 10),
}  # fmt: skip
OF_BARS: Final[dict[str, Callable[[], Any]]] = {
    **{f"natr_{n}": lambda n=n: ti.NATR(n) for n in (7, 14, 21)},
    "adx_14": lambda: ti.ADX(14, 14), "aroon_up_14": lambda: ti.Aroon(14), "cci_20": lambda: ti.CCI(20),
    "stochastic_k_14": lambda: ti.Stoch(14, 3), "williams_r_14": lambda: ti.Williams(14),
    "ultimate_oscillator_7_14_28": lambda: ti.UO(7, 14, 28), "vortex_plus_14": lambda: ti.VTX(14),
    "mass_index_25": lambda: ti.MassIndex(9, 9, 25), "donchian_position_20": lambda: ti.DonchianChannels(20),
    "donchian_position_55": lambda: ti.DonchianChannels(55), "sar_distance": lambda: ti.ParabolicSAR(0.02, 0.02, 0.2),
    "supertrend_distance_10": lambda: ti.SuperTrend(10, 3),
    "body_share": lambda: ti.BOP(), "vwma_ratio_20": lambda: ti.VWMA(20),
    "keltner_position_20": lambda: ti.KeltnerChannels(20, 10, 2, 2), "force_index_13": lambda: ti.ForceIndex(13),
    "chaikin_oscillator_3_10": lambda: ti.ChaikinOsc(3, 10), "obv": lambda: ti.OBV(), "ad_line": lambda: ti.AccuDist(),
}  # fmt: skip


def talipp() -> float:
    """Return ns a row of talipp."""
    walk = walks()
    live = [([make() for make in OF_CLOSE.values()], [make() for make in OF_BARS.values()]) for _ in range(FEW)]
    bars = [[OHLCV(*(float(array[at, s]) for array in walk[:5])) for s in range(FEW)] for at in range(len(walk.close))]

    def step(at: int) -> None:
        for bar, (of_close, of_bars) in zip(bars[at], live):
            for one in of_close:
                one.add(bar.close)
            for one in of_bars:
                one.add(bar)

    for at in range(SEEN):
        step(at)
    return ns_a_row(step, range(SEEN, SEEN + MEASURED), FEW)


def _tail(name: str, n: int) -> Any:
    return pl.col(name).list.tail(n).list


POLARS: Final[dict[str, Any]] = {
    **{f"sma_ratio_{n}": pl.col("last") / _tail("close", n).mean() - 1 for n in (5, 10, 20, 50, 100)},
    **{f"return_{n}": _tail("returns", n).sum() for n in (20, 60)},
    **{f"volatility_{n}": _tail("returns", n).std() for n in (10, 20, 60)},
    **{f"sharpe_{n}": _tail("returns", n).mean() / _tail("returns", n).std() for n in (20, 60)},
    **{f"drawdown_{n}": pl.col("last") / _tail("close", n).max() - 1 for n in (20, 60)},
    **{f"run_up_{n}": pl.col("last") / _tail("close", n).min() - 1 for n in (20, 60)},
    "volume_variation_60": _tail("volume", 60).std() / _tail("volume", 60).mean(),
    "volume_ratio_20": pl.col("last_volume") / _tail("volume", 20).mean(),
    "return_quantile_50_60": _tail("returns", 60).median(),
}  # fmt: skip


def polars() -> float:
    """Return ns a row of polars; what hands it the windows is not counted."""
    walk = walks()

    def windows(at: int) -> Any:
        rows = slice(at - WINDOW + 1, at + 1)
        arrays = {name: np.ascontiguousarray(getattr(walk, name)[rows].T) for name in ("close", "returns", "volume")}
        last = pl.Series("last", walk.close[at]), pl.Series("last_volume", walk.volume[at])
        return pl.DataFrame(arrays).with_columns(pl.all().arr.to_list()).with_columns(last).lazy()

    frames = {at: windows(at) for at in range(SEEN, SEEN + 10)}
    wanted = [expression.alias(name) for name, expression in POLARS.items()]
    frames[SEEN].select(wanted).collect()
    return ns_a_row(lambda at: frames[at].select(wanted).collect(), range(SEEN, SEEN + 10), walk.close.shape[1])


TSFRESH: Final[dict[str, Callable[[np.ndarray], object]]] = {
    "return_60": calculate.sum_values, "volatility_60": calculate.standard_deviation,
    "skewness_60": calculate.skewness, "kurtosis_60": calculate.kurtosis,
    **{f"autocorrelation_{n}_60": lambda x, n=n: calculate.autocorrelation(x, n) for n in (1, 2, 3, 4, 5, 10)},
    **{f"return_quantile_{q}_60": lambda x, q=q: calculate.quantile(x, q / 100) for q in (5, 25, 50, 75, 95)},
    "zero_crossing_rate_60": lambda x: calculate.number_crossing_m(x, 0),
    "return_entropy_60": lambda x: calculate.binned_entropy(x, 8),
    "permutation_entropy_60": lambda x: calculate.permutation_entropy(x, 1, 3),
}  # fmt: skip


def tsfresh() -> float:
    """Return ns a row of tsfresh's calculators."""
    walk: Walks = walks()

    def step(at: int) -> None:
        for s in range(FEW):
            window = np.ascontiguousarray(walk.returns[at - 59 : at + 1, s])
            for calculator in TSFRESH.values():
                calculator(window)

    step(SEEN)
    return ns_a_row(step, range(SEEN, SEEN + 10), FEW)
