"""What the engine promises beside the laws of its columns: inputs, room, snapshots, cuts of long batches."""

from __future__ import annotations

import numpy as np
import pytest

from features.bar_inputs import bar_inputs, log_ratio, new_series
from features.engine import FeatureEngine, bar_groups
from features.inputs import MAX_ROWS_PER_SERIES, SLOTS, past
from schema.bars import BarFlag, take_bars
from schema.features import FeatureRows
from tests.laws.runs import CATALOGUE, catalogue_rows, cuts, engine_for, same_bits, step
from tests.markets import LATE, scene


def test_bar_inputs_are_what_a_naive_walk_over_each_series_gives() -> None:
    market = scene("bitcoin")
    state = new_series(market.n_symbols * market.n_timeframes)
    found = [
        bar_inputs(state, bars, market.n_timeframes) for _, bars, _ in cuts(market, np.random.default_rng(3), (50, 700))
    ]
    columns = {field: np.concatenate([getattr(part, field) for part in found]) for field in found[0]._fields}
    last: dict[int, tuple[int, float, float, int]] = {}
    for k in range(len(market.bars.time)):
        bar = {field: column[k] for field, column in market.bars._asdict().items()}
        series = int(bar["symbol"]) * market.n_timeframes + int(bar["timeframe"])
        reference = bar["close"] if np.isnan(bar["mid"]) else bar["mid"]
        n, close, before, session_bar = last.get(series, (0, np.nan, np.nan, 0))
        session_bar = 1 if bar["flags"] & BarFlag.SESSION_FIRST else session_bar + 1
        last[series] = n + 1, bar["close"], reference, session_bar
        assert (columns["series"][k], columns["n"][k], columns["session_bar"][k]) == (series, n + 1, session_bar)
        assert columns["reference"][k] == reference
        assert np.array_equal(columns["previous_close"][k], close, equal_nan=True)
        for name, new, old in (("log_return", bar["close"], close), ("reference_return", reference, before)):
            expected = float(np.log(np.longdouble(new) / np.longdouble(old)))
            assert columns[name][k] == pytest.approx(expected, rel=1e-11, abs=1e-18, nan_ok=True), (name, k)


@pytest.mark.parametrize("new", [60_000.01, 60_000.0, 0.5, 1e-4, 2e5, 89_999.0])
def test_log_ratio_keeps_its_digits(new: float) -> None:
    exact = np.log(np.longdouble(new) / np.longdouble(60_000))
    assert abs(log_ratio(new, 60_000.0) - float(exact)) <= 1e-12 * abs(float(exact))


def test_rings_hold_the_longest_window_before_each_row() -> None:
    market = scene("benign")
    engine = engine_for((), market)
    inputs = engine.bar_features(market.bars, engine.tick_features(market.ticks, market.bars))
    history = engine.snapshot()["state"]["bars:history"]
    for series in np.unique(inputs.series):
        for name, slots in SLOTS.items():
            values = getattr(inputs, name)[inputs.series == series]
            kept = [past(history[name], series, len(values), lag) for lag in range(min(slots, len(values)))]
            assert history[name].shape[0] == slots
            assert np.array_equal(kept, values[::-1][: len(kept)], equal_nan=True)
    assert len(inputs.n) > 4 * MAX_ROWS_PER_SERIES


def test_snapshot_of_other_columns_is_refused() -> None:
    market = scene("cents")
    snapshot = engine_for(CATALOGUE, market).snapshot()
    with pytest.raises(ValueError, match=r"fingerprint is .* expected .* warm up from history"):
        FeatureEngine(CATALOGUE[1:], market.n_timeframes, market.by_time).restore(snapshot)
    with pytest.raises(ValueError, match="version is 99"):
        FeatureEngine(CATALOGUE, market.n_timeframes, market.by_time).restore({**snapshot, "version": 99})
    with pytest.raises(ValueError, match="n_timeframes is 2, expected 1"):
        FeatureEngine(CATALOGUE, 1, (True,)).restore(snapshot)


def test_restored_state_is_a_copy() -> None:
    market = scene("cents")
    first, second = engine_for(CATALOGUE, market), engine_for(CATALOGUE, market)
    second.restore(first.snapshot())
    step(first, market.ticks, market.bars, market.items)
    untouched = engine_for(CATALOGUE, market).snapshot()["state"]
    for part, arrays in second.snapshot()["state"].items():
        for field, array in arrays.items():
            assert np.array_equal(array, untouched[part][field]), (part, field)


@pytest.mark.parametrize("symbol", [-1, 5])
def test_unknown_symbol_is_an_error_that_names_it(symbol: int) -> None:
    market = scene("cents")
    bars = take_bars(market.bars, slice(0, 3))
    with pytest.raises(ValueError, match=rf"bar of symbol {symbol}, expected 0 \.\. 4; call grow"):
        engine_for(CATALOGUE, market).tick_features(market.ticks, bars._replace(symbol=np.full(3, symbol, np.int32)))


def test_by_time_must_fit_the_timeframes() -> None:
    with pytest.raises(ValueError, match="by_time has 1 entries"):
        FeatureEngine(CATALOGUE, 2, (True,))


def test_closes_behind_different_ticks_give_the_same_rows_whichever_symbol_comes_first() -> None:
    market = scene("cents")
    order = np.argsort(-market.bars.symbol, kind="stable")
    assert (np.diff(market.bars.position[order]) < 0).any()
    bars = take_bars(market.bars, order)
    found = engine_for(CATALOGUE, market).tick_features(market.ticks, bars)
    expected = engine_for(CATALOGUE, market).tick_features(market.ticks, market.bars)
    assert same_bits(found, FeatureRows(expected.values[order], expected.why[order])).all()


def test_rows_that_were_copied_between_the_stages_give_the_same_bits() -> None:
    market = scene("cents")
    engine = engine_for(CATALOGUE, market)
    begun = engine.tick_features(market.ticks, market.bars)
    rows = FeatureRows(begun.values.copy(), begun.why.copy())
    inputs = engine.bar_features(market.bars, rows)
    rows = FeatureRows(rows.values.copy(), rows.why.copy())
    engine.item_features(market.items, np.ones(2, np.uint8), inputs, rows)
    rows = FeatureRows(rows.values.copy(), rows.why.copy())
    engine.cross_section(inputs, market.bars, rows, market.leaders)
    assert same_bits(rows, catalogue_rows("cents")).all()


def test_groups_of_a_bar_time_hold_each_row_once() -> None:
    market = scene("cents")
    groups = bar_groups(market.bars, np.array([True, False]), (LATE, 99))
    assert groups.first[0] == 0
    assert groups.first[-1] == len(market.bars.time)
    for g, (first, last) in enumerate(zip(groups.first, groups.first[1:])):
        keys = set(zip(market.bars.time[first:last].tolist(), market.bars.timeframe[first:last].tolist()))
        assert len(keys) == 1
        assert groups.by_time[g] == (keys.pop()[1] == 0)
        leading = [k for k in range(first, last) if market.bars.symbol[k] == LATE]
        assert groups.leaders[g].tolist() == [*(leading or [-1]), -1]
    assert len(groups.by_time) == len(groups.first) - 1


def test_no_ticks_and_no_bars_give_no_rows() -> None:
    market = scene("cents")
    nothing = next(cuts(market, np.random.default_rng(0), (0,)))
    rows = step(engine_for(CATALOGUE, market), *nothing)
    assert rows.values.shape == rows.why.shape == (0, sum(len(group.columns) for group in CATALOGUE))


def test_state_of_a_series_stays_within_its_budget() -> None:
    lasting = [group for group in CATALOGUE if group.name != "season"]  # its table of 1,440 minutes counts apart
    engine = FeatureEngine(lasting, 3, (True, True, True))
    engine.grow(100)
    assert engine.state_bytes_per_series <= 64 * 1024
