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
from features.decay import burn_in, settled
from features.inputs import BarInputs, History
from features.technical.chain import averaged, seeding, stand
from schema.ticks import Float64, UInt8

SPANS = (5, 10, 20, 50, 100, 200)
STAGES, SIGNAL = 6, 9
TRIX = 2  # which span
ALPHAS = 2.0 / (np.array(SPANS) + 1.0)
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
SEEDED, TRIX_READY, LAST = int(READY.max()), int(READY[18]), int(CONVERGED.max())


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


@njit(cache=True, error_model="numpy")
def _followed(apart: Float64, i: int, n: int, j: int, stages: int, span: int, move: float, close: float) -> float:
    """Let all stages of a span that may still be seeding follow a move of the close; return the third's move."""
    third, alpha = 0.0, 2.0 / (span + 1.0)
    for s in range(stages):
        seen = n - 1 - s * (span - 1)
        if seen < span:
            seeding(apart, i, s, j, move, seen, span)
            break
        move = averaged(apart, i, s, j, move, alpha, close)
        if s == 2:
            third = move
    return third


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
    apart = state.apart
    for k in range(len(bars.series)):
        i, n, close = bars.series[k], bars.n[k], bars.close[k]
        move = close - bars.previous_close[k] if n > 1 else 0.0
        third = 0.0
        if n > SEEDED:
            for j in range(CHAINS):
                moved = move
                for s in range(STAGES):
                    moved = averaged(apart, i, s, j, moved, ALPHAS[j], close)
                    if j == TRIX and s == 2:
                        third = moved
            for j in range(CHAINS, len(SPANS)):
                averaged(apart, i, 0, j, move, ALPHAS[j], close)
        else:
            for j in range(len(SPANS)):
                moved = _followed(apart, i, n, j, STAGES if j < CHAINS else 1, SPANS[j], move, close)
                third = moved if j == TRIX else third
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
        version=2,
    )
)
