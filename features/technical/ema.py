"""Close relative to its exponential moving averages: one, and those of averages of averages (DEMA, TEMA, T3, TRIX).

Seed:   mean of the first n inputs of each stage, as TA-Lib; pandas' ewm differs until about 5 n bars.
Edges:  none.
Cost:   O(1) a bar, 37 numbers a series, as `chain.py` says.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from features.catalogue import Column, Driver, Family, Group, Stage, register
from features.decay import NEGLIGIBLE, burn_in, settled
from features.inputs import BarInputs, History
from features.technical.chain import stand
from schema.ticks import Float64, UInt8

SPANS = (5, 10, 20, 50, 100, 200)
STAGES, SIGNAL = 6, 9
TRIX = 2  # which span
LENGTHS = np.array(SPANS, np.float64)
ALPHAS, SHARES = 2.0 / (LENGTHS + 1.0), 1.0 / LENGTHS
CHAINS = 4  # of the spans go through all stages
VOLUME_FACTOR = 0.7  # T3's


def _column(name: str, formula: str, source: str, span: int, stages: int, later: int = 0, **fields: Any) -> Column:
    """Return the row of an average that goes through `stages` and is ready `later` bars after the last of them."""
    warm_up = stages * (span - 1) + 1 + later
    converged = warm_up + burn_in(1 - 2 / (span + 1), stages)
    return Column(
        **{"unit": "ratio", "range": (-1.0, float("inf"))} | fields,
        name=name,
        formula=formula,
        source=source,
        inputs=("close",),
        driver=Driver.BAR,
        window=0,
        warm_up=warm_up,
        params={"span": span, "converged": converged},
    )


E1, E3 = "TA-Lib EMA: alpha = 2 / (n + 1), seeded with the simple mean", "EMA(EMA(EMA(close, 20), 20), 20)"
COLUMNS = (
    *(_column(f"ema_ratio_{n}", f"close / EMA(close, {n}) - 1", E1, n, 1, oracle="talib.EMA") for n in SPANS),
    *(
        _column(f"{kind}_ratio_{n}", f"close / {formula} - 1", source, n, stages, oracle=f"talib.{kind.upper()}")
        for kind, formula, source, stages in (
            ("dema", "(2 e1 - e2), e1 = EMA(close, n), e2 = EMA(e1, n)", "Mulloy (1994); TA-Lib", 2),
            ("tema", "(3 e1 - 3 e2 + e3), each e the EMA of the one before", "Mulloy (1994); TA-Lib", 3),
            ("t3", "T3(close, n), six EMAs in a row, volume factor 0.7", "Tillson (1998); TA-Lib", 6),
        )
        for n in SPANS[:CHAINS]
    ),
    _column(
        "trix_20", f"100 * (e / e a bar before - 1), e = {E3}", "Hutson (1983); TA-Lib TRIX", 20, 3, 1,
        unit="percent", range=(-100.0, float("inf")), oracle="talib.TRIX",
    ),
    _column(
        "trix_signal_20_9", "EMA(trix_20, 9), seeded with the mean of the first 9", "Hutson (1983)", 20, 3, SIGNAL,
        unit="percent", range=(-100.0, float("inf")), oracle="naive",
    ),
)  # fmt: skip
READY = np.array([column.warm_up for column in COLUMNS])
CONVERGED = np.array([column.params["converged"] for column in COLUMNS])
TRIX_READY, LAST = int(READY[18]), int(CONVERGED.max())


class Params(NamedTuple):
    spans: tuple[int, ...]
    signal: int
    volume_factor: float


class State(NamedTuple):
    apart: Float64  # (series, stages, spans) input of the stage minus its average, quote currency
    signal: Float64  # (series,) mean of TRIX while seeding, then its average, percent


def init(n_symbols: int, n_timeframes: int) -> State:
    series = n_symbols * n_timeframes
    return State(np.zeros((series, STAGES, len(SPANS))), np.zeros(series))


@njit(cache=True, inline="always")
def _followed(apart: Float64, moves: Float64, i: int, n: int, s: int, spans: int, close: float) -> None:
    """Let stage s of each span follow `moves` (spans,) of its input and leave the averages' there, all in lanes."""
    for j in range(spans):
        seen = n - 1.0 - s * (LENGTHS[j] - 1.0)
        steady = seen >= LENGTHS[j]
        moved = apart[i, s, j] + moves[j] * (1.0 if steady else max(seen, 0.0))
        step = ALPHAS[j] * moved if steady else 0.0
        left = (moved - step) * (SHARES[j] if seen == LENGTHS[j] - 1.0 else 1.0)
        apart[i, s, j] = left if abs(left) > NEGLIGIBLE * close else 0.0
        moves[j] = step


@njit(cache=True, inline="always")
def _write(apart: Float64, i: int, close: float, v: float, out: Float64, k: int) -> None:
    """Write the close over each average, less 1."""
    c6, c4 = -v * v * v, 1.0 + 3.0 * v + 3.0 * v * v + v * v * v
    c5 = c6 + 3.0 * v * v + 3.0 * v * v * v
    for j in range(len(SPANS)):
        out[k, j] = apart[i, 0, j]
    for j in range(CHAINS):
        one, two, three = apart[i, 0, j], apart[i, 1, j], apart[i, 2, j]
        out[k, 6 + j] = one - two
        out[k, 10 + j] = one - 2.0 * two + three
        out[k, 14 + j] = one + two + three + ((1.0 - c4) * apart[i, 3, j] + c5 * apart[i, 4, j] + c6 * apart[i, 5, j])
    for j in range(18):
        out[k, j] = out[k, j] / (close - out[k, j])


@njit(cache=True, error_model="numpy")
def update(params: Params, state: State, bars: BarInputs, history: History, out: Float64, why: UInt8) -> None:
    apart, moves, third = state.apart, np.empty(len(SPANS)), 0.0
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        move = close - bars.previous_close[k] if n > 1 else 0.0
        for j in range(len(SPANS)):
            moves[j] = move
        _followed(apart, moves, i, n, 0, len(SPANS), close)
        for s in range(1, STAGES):
            _followed(apart, moves, i, n, s, CHAINS, close)
            third = moves[TRIX] if s == 2 else third
        _write(apart, i, close, params.volume_factor, out, k)
        trix = 0.0
        if n >= TRIX_READY:
            below = apart[i, 0, TRIX] + apart[i, 1, TRIX] + apart[i, 2, TRIX]
            trix = 100.0 * third / (close - below - third)
            seen = n - TRIX_READY + 1
            weight = 1.0 / seen if seen <= SIGNAL else 2.0 / (SIGNAL + 1.0)
            state.signal[i] = settled(state.signal[i] + weight * (trix - state.signal[i]), 1.0)
        out[k, 18], out[k, 19] = trix, state.signal[i]
        stand(n, READY, CONVERGED, LAST, k, out, why)


register(
    Group(
        name="ema_ratio",
        family=Family.TECHNICAL,
        stage=Stage.BARS,
        columns=COLUMNS,
        params=Params(SPANS, SIGNAL, VOLUME_FACTOR),
        init=init,
        update=update,
        version=3,
    )
)
