"""Streamed outcomes are the labels that training would give the same bars, bit for bit, however the stream was cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.champion.outcomes import OpenPredictions
from models.evaluation.calibration import class_of
from models.labels import label
from schema.bars import BarFlag, Bars, take_bars, zero_bars
from schema.outcomes import NONE, Basis
from schema.predictions import Predictions
from schema.timeframes import SECOND, parse_timeframe

START = 1_700_000_000 * SECOND


def market(random: np.random.Generator, symbols: int, times: int, timeframe: str) -> Bars:
    """Missing bars, halts, splits, sessions that end, prices of 0.0001 and 60,000, quotes that come and go."""
    step = parse_timeframe(timeframe).nominal_ns or SECOND
    there = random.random((times, symbols)) > 0.08
    t, s = np.nonzero(there)
    n = len(t)
    bars = zero_bars(n)
    session = t // 23
    bars.time[:] = START + (t + 1 + (7 if random.random() < 0.5 else 0) * session) * step
    bars.symbol[:], bars.sequence[:] = s, t
    level = np.where(np.arange(symbols) % 2, 60_000.0, 1e-4)[s]
    bars.close[:] = level * np.exp(0.01 * np.round(random.standard_normal(n), 1))
    bars.mid[:] = np.where(random.random(n) < 0.9, bars.close * 1.0001, np.nan)
    bars.flags[:] = np.where(random.random(n) < 0.03, int(BarFlag.HALTED), 0)
    bars.flags[:] |= np.where(random.random(n) < 0.02, int(BarFlag.SESSION_FIRST), 0).astype(np.uint16)
    bars.session_open[:] = START + session * 23 * step
    bars.session_close[:] = bars.session_open + 20 * step
    for k in range(symbols):
        splits = np.where(random.random(np.count_nonzero(s == k)) < 0.02, random.choice([0.1, 1.02, 2.0, 3.0]), 1.0)
        bars.basis[s == k] = np.cumprod(splits)
    return bars


def predicted(random: np.random.Generator, bars: Bars, horizon: int) -> Predictions:
    """Predictions from nine in ten bars."""
    row = np.flatnonzero(random.random(len(bars.time)) < 0.9)
    n = len(row)
    p = random.dirichlet((1, 1, 1), n)
    unit = np.exp(random.standard_normal(n)) * 0.01
    same = np.zeros(n)
    return Predictions(
        time=bars.time[row], symbol=bars.symbol[row], timeframe=bars.timeframe[row], bar_sequence=bars.sequence[row],
        horizon=horizon, current_price=same, predicted_price=same, expected_return=random.standard_normal(n) * 0.01,
        volatility=unit, unit=unit, p_down=p[:, 0], p_sideways=p[:, 1], p_up=p[:, 2], confidence=same,
        direction=np.zeros(n, np.int8), risk=np.zeros(n, np.int8), members={}, model_version="m", fingerprint="f",
        tier="cpu", row=row,
    )  # fmt: skip


def streamed(
    bars: Bars, made: Predictions, timeframe: str, horizon: int, cuts: list[int], resumes: bool = False
) -> np.ndarray:
    """Outcomes of a run that met the bars in batches; with `resumes`, each batch in a process of its own."""
    frame = parse_timeframe(timeframe)
    open_, parts = OpenPredictions(frame, horizon), []
    for begin, end in zip([0, *cuts], [*cuts, len(bars.time)], strict=True):
        mine = made.part((begin <= made.row) & (made.row < end))
        mine.row = mine.row - begin
        part = take_bars(bars, slice(begin, end))
        parts.append(open_.step(part, np.arange(end - begin), [mine]))
        if resumes:
            snapshot = {name: array.copy() for name, array in open_.snapshot().items()}
            open_ = OpenPredictions(frame, horizon)
            open_.restore(snapshot)
    return np.concatenate(parts)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    timeframe=st.sampled_from(["1s", "1m", "1d", "tick:50"]),
    horizon=st.integers(1, 12),
    data=st.data(),
)
def test_streamed_outcomes_are_the_labels(seed: int, timeframe: str, horizon: int, data: Any) -> None:
    random = np.random.default_rng(seed)
    bars = market(random, 3, 70, timeframe)
    made = predicted(random, bars, horizon)
    whole = streamed(bars, made, timeframe, horizon, [])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(bars.time)), max_size=12)))
    assert streamed(bars, made, timeframe, horizon, cuts).tobytes() == whole.tobytes()
    assert streamed(bars, made, timeframe, horizon, cuts, resumes=True).tobytes() == whole.tobytes()

    expected = label(bars, horizon, parse_timeframe(timeframe)).returns[:, horizon - 1]
    row_of = {(int(t), int(s)): k for k, (t, s) in enumerate(zip(bars.time, bars.symbol, strict=True))}
    rows = np.array([row_of[int(o["time"]), int(o["symbol"])] for o in whole], int)
    assert len(set(rows.tolist())) == len(rows), "an outcome came twice"
    np.testing.assert_array_equal(whole["realised"].view(np.int32), expected[rows].view(np.int32))
    labelled = np.isfinite(whole["realised"])
    assert set(made.row[np.isfinite(expected[made.row])].tolist()) == set(rows[labelled].tolist())
    y = whole["realised"][labelled] / whole["unit"][labelled]
    np.testing.assert_array_equal(whole["label"][labelled], class_of(y))
    np.testing.assert_array_equal(whole["label"][~labelled], NONE)
    assert set(whole["basis"][labelled].tolist()) <= {Basis.MID, Basis.TRADE_PRICE}
    assert set(whole["basis"][~labelled].tolist()) <= {Basis.HALT, Basis.GAP, Basis.SESSION, Basis.PRICE_KIND}


def test_what_stays_open_is_what_no_bar_has_told_of_yet() -> None:
    random = np.random.default_rng(3)
    bars = market(random, 2, 50, "1s")
    made = predicted(random, bars, 5)
    open_ = OpenPredictions(parse_timeframe("1s"), 5)
    out = open_.step(bars, np.arange(len(bars.time)), [made])
    assert len(out) + open_.number == len(made.row)
    assert 0 < open_.number <= 2 * 5


@pytest.mark.parametrize(
    ("spoil", "basis"),
    [
        (lambda bars: bars.flags.__setitem__(2, int(BarFlag.HALTED)), Basis.HALT),
        (lambda bars: bars.flags.__setitem__(0, int(BarFlag.HALTED)), Basis.HALT),
        (lambda bars: bars.time.__setitem__(slice(2, None), bars.time[2:] + SECOND), Basis.GAP),
        (lambda bars: bars.flags.__setitem__(1, int(BarFlag.SESSION_FIRST)), Basis.SESSION),
        (lambda bars: bars.session_close.__setitem__(slice(None), bars.time[1]), Basis.SESSION),
        (lambda bars: bars.mid.__setitem__(3, np.nan), Basis.PRICE_KIND),
        (lambda bars: bars.mid.__setitem__(slice(None), np.nan), Basis.TRADE_PRICE),
        (lambda bars: bars.mid.__setitem__(1, np.nan), Basis.MID),
    ],
)
def test_the_basis_says_why(spoil: Any, basis: Basis) -> None:
    bars = zero_bars(4)
    bars.time[:] = START + SECOND * np.arange(1, 5)
    bars.close[:], bars.mid[:], bars.session_close[:] = 100.0, [100.0, 101.0, 102.0, 103.0], START + 99 * SECOND
    spoil(bars)
    made = predicted(np.random.default_rng(1), bars, 3).part(np.ones(1, np.bool_))
    one = made.part(made.row == 0)
    (out,) = OpenPredictions(parse_timeframe("1s"), 3).step(bars, np.arange(4), [one])
    assert out["basis"] == basis


def test_scores_of_a_row_are_those_of_the_evaluation() -> None:
    from models.evaluation.scoring import Forecast, Outcome, score

    random = np.random.default_rng(8)
    bars = market(random, 3, 200, "1s")
    made = predicted(random, bars, 4)
    out = streamed(bars, made, "1s", 4, [])
    out = out[np.isfinite(out["realised"])]
    row_of = {(int(t), int(s)): k for k, (t, s) in enumerate(zip(made.time, made.symbol, strict=True))}
    rows = [row_of[int(o["time"]), int(o["symbol"])] for o in out]
    p = np.stack([made.p_down, made.p_sideways, made.p_up], 1)[rows]
    y = out["realised"] / out["unit"]
    expected = score(Forecast(probabilities=p), Outcome(out["time"], y, out["unit"]))
    np.testing.assert_allclose([out["brier"].mean(), out["log_loss"].mean()], [expected["brier"], expected["log_loss"]])
