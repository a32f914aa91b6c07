"""Laws of the folds, on markets with holes: nothing of a slice is known to the ones before it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config import TrainingConfig, WalkForward
from models.data.dataset import Dataset
from models.data.folds import SLICES, Fold, MaskedLabels, folds_of
from models.data.problem import problem_of
from models.training.walk import replay_fold
from tests.models.market import make_dataset, make_market

H = 10
DATASET = make_dataset(make_market(3, 900), H)
SINGLE = TrainingConfig(walk=None, embargo=10, primary=3)
walks = st.builds(
    WalkForward,
    train=st.integers(100, 300), validation=st.integers(40, 80), step=st.integers(15, 120),
    embargo=st.integers(0, 6), growing=st.booleans(), refit_every=st.integers(1, 4), folds=st.integers(0, 5),
)  # fmt: skip
configs = st.one_of(
    st.builds(TrainingConfig, walk=walks, primary=st.integers(1, H)),
    st.builds(TrainingConfig, walk=st.none(), embargo=st.integers(0, 12), primary=st.integers(1, H)),
)


def bar_of_label(dataset: Dataset, row: int, h: int) -> int:
    """The row that a label looks at, by its definition: the h-th next bar of the same symbol."""
    return int(np.flatnonzero((dataset.symbol == dataset.symbol[row]) & (dataset.time > dataset.time[row]))[h - 1])


def with_holes(seed: int) -> Dataset:
    """The market with bars missing, so that symbols have bars at other times."""
    keep = np.random.default_rng(seed).random(len(DATASET.time)) < 0.9
    parts = {name: getattr(DATASET, name)[keep] for name in ("time", "symbol", "values", "eligible", "sigma", "price",
             "returns", "label_end", "past", "trade_price")}  # fmt: skip
    return replace(DATASET, **parts)


@settings(max_examples=15, deadline=None)
@given(configs, st.integers(0, 5))
def test_slices_of_a_fold_are_disjoint_and_in_order_of_time(config: TrainingConfig, seed: int) -> None:
    dataset = with_holes(seed)
    for fold in folds_of(dataset, config):
        rows = np.concatenate(fold[:4])
        assert len(np.unique(rows)) == len(rows)
        for before, after in itertools.pairwise(fold[:4]):
            assert dataset.time[before].max() < dataset.time[after].min()
        assert dataset.eligible[rows].all()
        assert np.isfinite(dataset.returns[rows, config.primary - 1]).all()


@settings(max_examples=10, deadline=None)
@given(configs, st.integers(0, 5))
def test_no_label_of_a_slice_looks_into_a_later_one(config: TrainingConfig, seed: int) -> None:
    dataset = with_holes(seed)
    fold = folds_of(dataset, config)[-1]
    labels = MaskedLabels(dataset, fold)(slice(0, len(dataset.time)))
    for k in range(3):
        begin = min(int(dataset.time[later].min()) for later in fold[k + 1 : 4])
        newest = fold[k][-40:]
        for row in newest.tolist():
            for h in range(1, H + 1):
                if np.isfinite(labels[row, h - 1]):
                    assert dataset.time[bar_of_label(dataset, row, h)] <= begin
    inside = np.zeros(len(dataset.time), np.bool_)
    inside[np.concatenate(fold[:4])] = True
    assert np.isnan(labels[~inside]).all()


def test_the_oracle_sees_a_missing_purge() -> None:
    """Without the mask, labels of the fit slice's end do look into the stop slice."""
    fold = folds_of(DATASET, replace(SINGLE, embargo=0))[0]
    begin = DATASET.time[fold.stop].min()
    looks = [DATASET.time[bar_of_label(DATASET, row, H)] > begin for row in fold.fit[-5:].tolist()]
    assert all(looks)
    assert np.isnan(MaskedLabels(DATASET, fold)(slice(0, len(DATASET.time)))[fold.fit[-5:], H - 1]).all()


@settings(max_examples=15, deadline=None)
@given(walks, st.integers(0, 5))
def test_every_test_row_is_out_of_sample_and_tested_once(walk: WalkForward, seed: int) -> None:
    dataset = with_holes(seed)
    folds = folds_of(dataset, TrainingConfig(walk=walk, primary=3))
    tested = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(tested)) == len(tested)
    behind: Fold | None = None  # the fold whose nets serve
    for fold in folds:
        behind = fold if fold.refit or behind is None else behind
        for learned in (behind.fit, behind.stop, fold.calibrate):
            assert dataset.time[learned].max() < dataset.time[fold.test].min()
    assert folds[0].refit and folds[-1].refit
    assert walk.folds == 0 or len(folds) <= walk.folds


def test_the_specifications_numbers_are_the_defaults() -> None:
    walk = TrainingConfig().walk
    assert walk is not None
    assert (walk.train, walk.validation, walk.step, walk.growing) == (500, 100, 50, True)
    times = 650
    dataset = make_dataset(make_market(3, times + 5 + 3), H)  # the first five have no sigma, the last no label
    first, *rest = folds_of(dataset, TrainingConfig(primary=3, walk=replace(walk, embargo=0)))
    spans = [len(np.unique(dataset.time[rows])) for rows in first[:4]]
    assert [span + lost for span, lost in zip(spans, (2, 2, 2, 0))] == [500, 50, 50, 50]  # purged of 3-bar labels
    assert not rest


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 3))
def test_inputs_and_labels_of_a_fold_do_not_know_what_comes_behind_it(seed: int) -> None:
    """Scaling, choice of columns, floor and labels of fit, stop and calibrate stay as the test slice changes."""
    dataset = with_holes(seed)
    fold = folds_of(dataset, SINGLE)[0]
    values, returns, sigma = dataset.values.copy(), dataset.returns.copy(), dataset.sigma.copy()
    values[fold.test], returns[fold.test], sigma[fold.test] = 1e6, 9.0, 5.0
    other = replace(dataset, values=values, returns=returns, sigma=sigma)
    a, b = problem_of(dataset, fold, (), 2, 3), problem_of(other, fold, (), 2, 3)
    assert a.columns == b.columns and a.floor == b.floor
    for name in SLICES[:3]:
        rows = fold.slices()[name]
        np.testing.assert_array_equal(a.x[rows], b.x[rows])
        np.testing.assert_array_equal(a.y[rows], b.y[rows])


def test_scaling_is_that_of_the_fit_slice() -> None:
    fold = folds_of(DATASET, SINGLE)[0]
    column = next(c for c in problem_of(DATASET, fold, (), 0, 3).columns if c.name == "trend")
    trend = DATASET.values[fold.fit, DATASET.columns.index("trend")]
    assert column.center == pytest.approx(np.median(trend), abs=1e-6)


def test_the_columns_that_know_the_labels_are_chosen() -> None:
    dataset = make_dataset(make_market(4, 700, planted=0.4), H)
    fold = folds_of(dataset, SINGLE)[0]
    names = [c.name for c in problem_of(dataset, fold, (), 1, 3).columns]
    assert names == ["signal", "reference_volatility_60"]


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 0.6), st.integers(0, 9))
def test_replayed_rows_have_the_share_they_were_asked_for(share: float, seed: int) -> None:
    fold = folds_of(DATASET, SINGLE)[0]
    known_until = int(np.quantile(DATASET.time[fold.fit], 0.7))
    mixed = replay_fold(DATASET, fold, known_until, replace(SINGLE, replay=share, seed=seed))
    old = DATASET.time[mixed.fit] <= known_until
    assert (DATASET.time[fold.fit] > known_until).sum() == (~old).sum()
    assert abs(old.sum() - share / (1 - share) * (~old).sum()) <= 1
    assert np.isin(mixed.fit, fold.fit).all() and (np.diff(mixed.fit) > 0).all()
    assert mixed[1:4] == fold[1:4]


def test_a_history_that_holds_no_fold_is_refused_with_the_counts() -> None:
    short = make_dataset(make_market(2, 300))
    with pytest.raises(ValueError, match=r"\d+ labelled bar times of 1s, expected at least 500 \+ 100 \+ 50"):
        folds_of(short, TrainingConfig(primary=3))
    with pytest.raises(ValueError, match=r"\[\d+, .*\] labelled rows .* expected at least \[500, 100, 100, 100\]; rep"):
        folds_of(short, SINGLE)
    with pytest.raises(ValueError, match=r"0\.5 to 0\.9 of the history to fit on and 0\.05 to 0\.3"):
        folds_of(DATASET, replace(SINGLE, shares=(0.95, 0.02, 0.02, 0.01)))
