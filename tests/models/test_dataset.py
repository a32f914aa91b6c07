from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.config import SIGMA
from models.data.dataset import DatasetBuilder
from models.data.inputs import Inputs, fit_columns, fit_floor
from models.labels import label
from models.metadata import ColumnUse
from schema.bars import BarFlag, Bars, take_bars
from schema.timeframes import SECOND, parse_timeframe
from tests.models.market import FINGERPRINTS, NAMES, make_dataset, make_market

SECONDS = parse_timeframe("1s")


def naive_return(bars: Bars, i: int, h: int) -> float:
    """The label by its definition: one row and horizon, no shared code."""
    later = [j for j in range(len(bars.time)) if bars.symbol[j] == bars.symbol[i] and j >= i][: h + 1]
    if len(later) <= h or bars.time[later[h]] != bars.time[i] + h * SECOND:
        return np.nan
    j = later[h]
    if any(bars.flags[k] & BarFlag.HALTED for k in later):
        return np.nan
    if any(bars.flags[k] & BarFlag.SESSION_FIRST for k in later[1:]):
        return np.nan
    if bars.session_close[i] >= bars.time[i] and bars.time[j] > bars.session_close[i]:
        return np.nan
    if np.isnan(bars.mid[i]) != np.isnan(bars.mid[j]):
        return np.nan
    prices = bars.close if np.isnan(bars.mid[i]) else bars.mid
    return float(np.log(prices[j] / prices[i]))


def troubled_bars() -> Bars:
    """Two symbols with halts, two sessions, missing quotes and a missing bar."""
    bars = make_market(2, 60).bars
    random = np.random.default_rng(3)
    bars.mid[random.random(len(bars.mid)) < 0.15] = np.nan
    bars.close[:] *= 1.001
    bars.flags[[22, 85]] |= int(BarFlag.HALTED)
    second = bars.time > bars.time[60]
    bars.session_close[~second] = bars.time[60]
    bars.session_open[second] = bars.time[60]
    bars.flags[62:64] |= int(BarFlag.SESSION_FIRST)
    return take_bars(bars, np.delete(np.arange(120), 100))


def test_labels_are_returns_at_event_time_plus_horizon() -> None:
    bars = troubled_bars()
    labels = label(bars, 4, SECONDS)
    expected = np.array([[naive_return(bars, i, h) for h in range(1, 5)] for i in range(len(bars.time))])
    np.testing.assert_allclose(labels.returns, expected, rtol=1e-6)
    assert 100 < np.isfinite(expected).sum() < 400  # the troubles do take labels away


def test_daily_labels_cross_sessions() -> None:
    bars = make_market(1, 30).bars
    bars.session_open[:], bars.session_close[:] = bars.start, bars.time
    bars.flags[:] = int(BarFlag.SESSION_FIRST)
    assert np.isnan(label(bars, 2, SECONDS).returns).all()
    assert np.isfinite(label(bars, 2, parse_timeframe("1d")).returns).sum() == 29 + 28


def test_labels_do_not_depend_on_how_history_was_batched() -> None:
    market = make_market(3, 400)
    parts = make_dataset(market)
    whole = DatasetBuilder(NAMES, FINGERPRINTS, SECONDS, 0, horizons=10)
    whole.add(market.bars, market.rows)
    np.testing.assert_array_equal(whole.finish().returns, parts.returns)


def test_only_rows_of_the_timeframe_are_taken() -> None:
    market = make_market(2, 50, timeframes=3)
    builder = DatasetBuilder(NAMES, FINGERPRINTS, SECONDS, 1)
    builder.add(market.bars, market.rows)
    assert len(builder.finish().time) == 100


def test_a_history_without_the_timeframe_is_refused() -> None:
    with pytest.raises(ValueError, match="no bar of timeframe 1s"):
        DatasetBuilder(NAMES, FINGERPRINTS, SECONDS, 0).finish()


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"\['reference_volatility_60'\] are not in the rows"):
        DatasetBuilder(NAMES[:3], FINGERPRINTS, SECONDS, 0)


def test_an_undefined_optional_value_is_the_median_and_a_bit() -> None:
    dataset = make_dataset(make_market(3, 900))
    fit = np.arange(1500)
    columns = fit_columns(dataset, fit, fit)
    assert [c.masked for c in columns] == [name == "sometimes" for name in NAMES]
    x = Inputs(columns, dataset.columns, dataset.fingerprints).make(dataset.values, np.arange(len(dataset.time)))
    undefined = np.isnan(dataset.values[:, 2])
    assert undefined[dataset.eligible].any()
    np.testing.assert_array_equal(x[undefined, 2], 0)
    np.testing.assert_array_equal(x[:, len(NAMES)], undefined)
    column = columns[2]
    assert column.center == pytest.approx(np.nanmedian(dataset.values[fit, 2]), abs=1e-6)
    there = dataset.values[~undefined, 2]
    np.testing.assert_allclose(x[~undefined, 2], np.clip((there - column.center) / column.scale, -8, 8), rtol=1e-5)


def test_inputs_are_rounded_as_single_precision_is() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(60_000, 500, (50, 40))
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:2] = rng.choice([np.inf, -np.inf, 1e300, -0.0, 1e-45, np.nan], (2, 40))
    names = [f"c{k}" for k in range(40)]
    columns = [
        ColumnUse(name, "f", False, float(np.float32(rng.normal(60_000, 1))), float(np.float32(rng.uniform(0.1, 90))),
                  bool(k % 3)) for k, name in enumerate(names)
    ]  # fmt: skip
    picked = columns[::-1][:29]
    place, center, scale, masked = (
        np.array(list(column)) for column in zip(*((names.index(c.name), c.center, c.scale, c.masked) for c in picked))
    )
    rows = rng.permutation(50)[:33]
    with np.errstate(over="ignore"):
        x = values[rows][:, place].astype(np.float32)
    scaled = np.clip((x - center.astype(np.float32)) / scale.astype(np.float32), np.float32(-8), np.float32(8))
    expected = np.hstack((np.where(np.isnan(x), np.float32(0), scaled), np.isnan(x)[:, masked].astype(np.float32)))
    made = Inputs(picked, names, dict.fromkeys(names, "f")).make(values, rows)
    np.testing.assert_array_equal(made.view(np.uint32), expected.view(np.uint32))


def test_scaling_sees_the_fit_slice_only() -> None:
    dataset = make_dataset(make_market(3, 900))
    values = dataset.values.copy()
    values[1500:] = 1e9
    fit, later = np.arange(1500), np.arange(1000, 1500)
    assert fit_columns(dataset, fit, later) == fit_columns(replace(dataset, values=values), fit, later)


def test_a_column_that_leaves_its_range_is_no_input() -> None:
    dataset = make_dataset(make_market(3, 900))
    values = dataset.values.copy()
    values[:, 1] = np.arange(len(values))  # a clock
    fit, later = np.arange(1500), np.arange(1500, 2500)
    chosen = [c.name for c in fit_columns(replace(dataset, values=values), fit, later)]
    assert chosen == [name for name in NAMES if name != "noise"]


def test_a_market_that_never_moves_is_refused() -> None:
    with pytest.raises(ValueError, match="never moves"):
        fit_floor(np.zeros(100), np.zeros(100, np.int32))


def test_sigma_gates_a_row() -> None:
    dataset = make_dataset(make_market(2, 300))
    np.testing.assert_array_equal(dataset.eligible, np.isfinite(dataset.values[:, NAMES.index(SIGMA)]))
    assert not dataset.eligible.all()
