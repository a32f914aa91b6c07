"""Votes beside the weighted one: stacked weights, and weights that follow what came true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.config import TrainingConfig
from models.registry.bundle import Bundle
from models.registry.registry import Registry
from models.runs.training import train
from models.votes.adaptive import AdaptiveVote, VoteRows
from models.votes.stacking import log_density, stack
from schema.ticks import Float64
from tests.models.market import TestMarket, make_dataset, make_market
from tests.models.test_inference import by_key, copied, engine_of, run

S, N, M, HORIZON = 4, 900, 3, 5
PRIOR = np.array([0.5, 0.3, 0.2])
MARKET = make_market(S, 200, planted=0.4, seed=12)


def test_stacked_weights_maximise_the_likelihood_of_the_mixture() -> None:
    random = np.random.default_rng(4)
    y = random.standard_normal(4000)
    said = [(0.6 * y + 0.8 * random.standard_normal(4000), -0.4), (np.zeros(4000), 0.0), (y * 0 + 1.0, 0.0)]
    density = np.stack([log_density(mean, np.full(4000, spread), y) for mean, spread in said])
    found = stack(density)
    grid = np.array([(a, b, 1 - a - b) for a in np.arange(0, 1.01, 0.02) for b in np.arange(0, 1.01 - a, 0.02)])
    likelihood = np.log(np.maximum(grid, 0) @ np.exp(density) + 1e-300).sum(axis=1)
    np.testing.assert_allclose(found, grid[likelihood.argmax()], atol=0.03)
    assert found.sum() == pytest.approx(1)
    assert 0.1 < found[1] < found[0]
    np.testing.assert_allclose(stack(density[:, :3]), 1 / 3, atol=0.15)  # three rows rule nobody out


def market() -> tuple[VoteRows, Float64, Float64]:
    """Rows of S symbols, bar by bar; of three members the first knows calm bars, the second wild ones."""
    random = np.random.default_rng(7)
    wild = (np.arange(N) // 90 % 2).astype(np.float64)[:, None] * np.ones(S)
    sigma = 1e-4 * np.exp(1.2 * wild + 0.05 * random.standard_normal((N, S)))
    shocks = sigma * random.standard_normal((N, S))
    price = 100 * np.exp(np.cumsum(shocks, axis=0))
    unit = sigma * np.sqrt(HORIZON)
    ahead = np.full((N, S), np.nan)
    ahead[:-HORIZON] = np.log(price[HORIZON:] / price[:-HORIZON]) / unit[:-HORIZON]
    known = np.nan_to_num(ahead)
    means = np.stack([np.where(wild > 0, -known, 0.7 * known), np.where(wild > 0, 0.7 * known, -known), 0 * known])
    means[1][random.random((N, S)) < 0.1] = np.nan
    place = np.repeat(np.arange(N), S).reshape(N, S) + 1000
    place[400:] += 3  # a gap: no label crosses it
    columns = (np.broadcast_to(np.arange(S, dtype=np.int32), (N, S)), place, (place > 1200).astype(np.int64),
               random.random((N, S)) < 0.95, price, unit, sigma)  # fmt: skip
    rows = VoteRows(*(np.ascontiguousarray(column).ravel() for column in columns))
    log_variances = random.uniform(-1, 0.5, (M, N * S))
    return rows, means.reshape(M, -1), np.where(np.isnan(means.reshape(M, -1)), np.nan, log_variances)


ROWS, MEANS, LOG_VARIANCES = market()


def part(which: slice | np.ndarray) -> tuple[VoteRows, Float64, Float64]:
    return VoteRows(*(column[which] for column in ROWS)), MEANS[:, which], LOG_VARIANCES[:, which]


def voter(dynamic: bool, n_symbols: int = S) -> AdaptiveVote:
    return AdaptiveVote(PRIOR, HORIZON, n_symbols, dynamic=dynamic)


def slow(dynamic: bool, s: int) -> Float64:
    """One symbol's weights, as one would write them down."""
    mine = np.flatnonzero(ROWS.symbol == s)
    score, out, logs = np.zeros((3, M)), [], []
    seen: dict[int, tuple[int, int]] = {}  # place -> row, regime
    for k in mine:
        before = seen.get(int(ROWS.place[k]) - HORIZON)
        if before is not None and ROWS.session[before[0]] == ROWS.session[k] and ROWS.labelled[before[0]]:
            row, regime = before
            y = np.log(ROWS.price[k] / ROWS.price[row]) / ROWS.unit[row]
            likelihood = log_density(MEANS[:, row], LOG_VARIANCES[:, row], np.full(M, y))
            spoke = np.isfinite(likelihood)
            score[regime] *= np.exp(-1 / 250)
            score[regime, spoke] += (likelihood[spoke] - likelihood[spoke].mean()) / HORIZON
        regime = 0
        if dynamic:
            x, regime = np.log(ROWS.sigma[k]), 1
            if len(logs) >= 30:
                mean = logs[0]
                for n, one in enumerate(logs[1:], 2):
                    mean += (one - mean) / min(n, 250)
                regime = 0 if x < mean - 0.25 else 2 if x > mean + 0.25 else 1
            logs.append(x)
        worth = np.where(np.isfinite(MEANS[:, k]), PRIOR * np.exp(score[regime]), 0)
        out.append(np.where(worth == worth.max(), 1.0, 0.0) if dynamic else worth / worth.sum())
        seen[int(ROWS.place[k])] = int(k), regime
    return np.array(out).T


@pytest.mark.parametrize("dynamic", [False, True])
def test_weights_are_those_of_the_slow_way(dynamic: bool) -> None:
    found = voter(dynamic).shares(*part(slice(None)))
    for s in range(S):
        np.testing.assert_allclose(found[:, ROWS.symbol == s], slow(dynamic, s), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dynamic", [False, True])
def test_batches_other_symbols_and_a_resume_do_not_matter(dynamic: bool) -> None:
    whole = voter(dynamic).shares(*part(slice(None)))
    for size in (1, 7, 500):
        one = voter(dynamic)
        cut = [one.shares(*part(slice(k, k + size))) for k in range(0, N * S, size)]
        np.testing.assert_array_equal(np.concatenate(cut, axis=1), whole)
    alone = np.flatnonzero(ROWS.symbol == 2)
    np.testing.assert_array_equal(voter(dynamic).shares(*part(alone)), whole[:, alone])
    first, second, middle = voter(dynamic), voter(dynamic), 1161  # while it is wild
    first.shares(*part(slice(0, middle)))
    second.restore(copied(first.snapshot()))
    second.grow(2 * S)
    np.testing.assert_array_equal(second.shares(*part(slice(middle, None))), whole[:, middle:])
    for lost in ("score", "level") if dynamic else ("score", "said", "when"):  # a few labels rarely change who is best
        third = voter(dynamic)
        third.restore({**first.snapshot(), lost: np.ones_like(first.snapshot()[lost])})
        assert not np.array_equal(third.shares(*part(slice(middle, None))), whole[:, middle:]), lost


def test_the_best_member_of_a_regime_speaks_there() -> None:
    weights = voter(True).shares(*part(slice(None)))[:, 500 * S :]
    wild = (ROWS.sigma > 2e-4)[500 * S :]
    there = np.isfinite(MEANS[1, 500 * S :])
    assert weights[0, ~wild].mean() > 0.9
    assert weights[1, wild & there].mean() > 0.9
    assert not weights[1, ~there].any()


@pytest.mark.parametrize("vote", ["dynamic", "performance"])
def test_served_votes_follow_what_came_true_in_any_batches_and_after_a_resume(bundle: Bundle, vote: str) -> None:
    config = {**bundle.metadata.config, "vote": vote}
    mine = replace(bundle, metadata=msgspec.structs.replace(bundle.metadata, config=config))
    made = run(engine_of(mine), MARKET, S)
    expected = by_key(made)
    assert by_key(run(engine_of(mine), MARKET, 7 * S + 1)) == expected
    assert expected != by_key(run(engine_of(bundle), MARKET, S))
    first, cut = engine_of(mine), 100 * S
    before = run(first, TestMarket(*MARKET.part(slice(0, cut))), 70)
    second = engine_of()
    second.restore(copied(first.snapshot()), {mine.metadata.version: mine}.__getitem__)
    assert by_key(before + run(second, TestMarket(*MARKET.part(slice(cut, None))), 90)) == expected
    shares = np.concatenate([
        (p.p_up - p.members["gru"][:, 2]) / (p.members["lightgbm"][:, 2] - p.members["gru"][:, 2]) for p in made
    ])  # fmt: skip
    assert (shares > -1e-6).all()
    assert (shares < 1 + 1e-6).all()
    assert shares.std() > 0.01
    if vote == "dynamic":
        assert set(np.round(shares, 6)) == {0.0, 1.0}


@pytest.mark.parametrize("vote", ["stacking", "performance"])
def test_a_trained_vote_is_scored_and_stored(small: TrainingConfig, tmp_path: Path, vote: str) -> None:
    config = replace(small, vote=vote, nets=(replace(small.nets[0], epochs=3),), weights={"gru": 0.9, "lightgbm": 0.1})
    version = train(make_dataset(make_market(8, 900, planted=0.4)), config, tmp_path)
    bundle = Registry(tmp_path).load(version)
    weights, scores = bundle.weights, bundle.metadata.metrics["models"]
    assert bundle.vote == vote
    assert sum(weights.values()) == pytest.approx(1)
    assert (weights["gru"] == pytest.approx(0.9)) == (vote == "performance")
    assert scores["ensemble"]["nll"] <= min(scores["gru"]["nll"], scores["lightgbm"]["nll"]) + 0.01
