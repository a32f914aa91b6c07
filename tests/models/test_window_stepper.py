"""A net over windows, served from its rings."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.architectures import WindowNet
from models.labels import Float32
from models.metadata import Member
from models.registry.bundle import Bundle
from models.serving.inference import InferenceEngine
from models.serving.window_stepper import WAVES, WindowStepper
from models.training.layouts import evaluate
from schema.ticks import Int32
from tests.models.market import FINGERPRINTS, NAMES, TestMarket, make_market
from tests.models.test_inference import by_key, copied, run

S, N, F, H, W = 23, 60, 6, 10, 12


class Attentive(WindowNet):
    """A convolution and attention: what most nets over windows are made of."""

    window = W

    def __init__(self, inputs: int = F) -> None:
        super().__init__()
        self.local = nn.Conv1d(inputs, 16, 3, padding=1)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.output = nn.Linear(16, 2 * H)

    def forward(self, x: Tensor) -> Tensor:
        u = self.local(x.transpose(1, 2)).transpose(1, 2)
        y, _ = self.attention(u[:, -1:], u, u, need_weights=False)
        return self.output(y[:, 0]).unflatten(-1, (H, 2))


def make() -> WindowNet:
    torch.manual_seed(5)
    return Attentive().eval().requires_grad_(False)


def history() -> tuple[Float32, Int32]:
    """Rows of symbols that come at different rates."""
    random = np.random.default_rng(2)
    x = random.standard_normal((S * N, F)).astype(np.float32)
    return x, random.choice(S, S * N, p=np.arange(1, S + 1) / (S * (S + 1) / 2)).astype(np.int32)


def serve(stepper: WindowStepper, x: Float32, symbol: Int32, size: int) -> Float32:
    parts = [stepper.run(x[k : k + size], symbol[k : k + size]) for k in range(0, len(x), size)]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def served() -> Float32:
    return serve(WindowStepper(make(), F, H, "cpu", (16, 64), S), *history(), 7)


def test_served_rows_are_those_evaluated_over_the_history(served: Float32) -> None:
    x, symbol = history()
    heads = evaluate(make(), x, symbol, np.ones(len(x), np.bool_))
    np.testing.assert_array_equal(np.isnan(served), np.isnan(heads))
    assert 100 < np.isfinite(served[:, 0, 0]).sum() < len(x) - 100
    np.testing.assert_allclose(served, heads, atol=1e-6)  # the batches of an evaluation have other shapes


def test_any_batches_and_buckets_give_the_same_bits(served: Float32) -> None:
    x, symbol = history()
    for size, buckets in ((1, (16,)), (64, (16, 256)), (len(x), (64, 1024)), (len(x), (16, 64, 256))):
        again = serve(WindowStepper(make(), F, H, "cpu", buckets, S + 9), x, symbol, size)
        np.testing.assert_array_equal(again, served, err_msg=f"{size}, {buckets}")


def test_a_symbol_with_more_rows_in_a_batch_than_its_ring_has_slots() -> None:
    x = np.random.default_rng(2).standard_normal((5 * (W + WAVES), F)).astype(np.float32)
    symbol = np.zeros(len(x), np.int32)
    once, singly = (serve(WindowStepper(make(), F, H, "cpu", (16,), 1), x, symbol, size) for size in (len(x), 1))
    np.testing.assert_array_equal(once, singly)


def test_a_restored_stepper_goes_on_and_a_grown_one_too(served: Float32) -> None:
    x, symbol = history()
    first, cut = WindowStepper(make(), F, H, "cpu", (16, 64), S), len(x) // 2
    serve(first, x[:cut], symbol[:cut], 100)
    saved = copied(first.snapshot())
    serve(first, x[cut:], symbol[cut:], 100)  # goes on: the copy must not follow
    second = WindowStepper(make(), F, H, "cpu", (16, 64), S)
    second.restore(saved)
    second.grow(2 * S)
    np.testing.assert_array_equal(serve(second, x[cut:], symbol[cut:], 100), served[cut:])
    for lost in saved:
        third = WindowStepper(make(), F, H, "cpu", (16, 64), S)
        third.restore({**saved, lost: np.zeros_like(saved[lost])})
        assert not np.array_equal(serve(third, x[cut:], symbol[cut:], 100), served[cut:], equal_nan=True), lost


def bundle_with(bundle: Bundle, *, alone: bool) -> Bundle:
    """The trained bundle, a net over windows in the place of its recurrent one."""
    width = len(bundle.metadata.columns) + sum(column.masked for column in bundle.metadata.columns)
    torch.manual_seed(5)
    net = Attentive(width).eval().requires_grad_(False)
    member = Member("net", 0.5, (), {}, 1.0, (1.0, 0.0, 0.0))
    members = {"window": member} if alone else {**bundle.metadata.members, "window": member}
    metadata = msgspec.structs.replace(bundle.metadata, members=members)
    return replace(bundle, metadata=metadata, nets={"window": net}, trees={} if alone else bundle.trees)


MARKET = make_market(S, N, planted=0.4, seed=12)


def engine_of(*bundles: Bundle) -> InferenceEngine:
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu", n_symbols=S)
    for bundle in bundles:
        engine.activate(bundle)
    return engine


def test_until_a_window_is_full_the_other_members_vote_alone(bundle: Bundle) -> None:
    together = run(engine_of(bundle_with(bundle, alone=False)), MARKET, 3 * S)
    silent = spoken = 0
    for made in together:
        window, trees = made.members["window"], made.members["lightgbm"]
        waits = np.isnan(window).any(axis=1)
        np.testing.assert_array_equal(made.p_up[waits], trees[waits, 2])
        np.testing.assert_allclose(made.p_up[~waits], (0.5 * trees + 0.5 * window)[~waits, 2], rtol=1e-12)
        assert np.isfinite(made.expected_return).all()
        silent, spoken = silent + waits.sum(), spoken + (~waits).sum()
    assert silent == S * (W - 1)
    assert spoken > S * (N - W - 15)


def test_alone_it_says_nothing_before_its_window_is_full(bundle: Bundle) -> None:
    made = by_key(run(engine_of(bundle_with(bundle, alone=True)), MARKET, 3 * S))
    every = by_key(run(engine_of(bundle), MARKET, 3 * S))
    assert set(made) < set(every)
    for s in range(S):
        times = sorted(time for time, symbol in every if symbol == s)
        assert sorted(time for time, symbol in made if symbol == s) == times[W - 1 :]


def test_the_engine_gives_the_same_bits_in_any_batches_and_after_a_resume(bundle: Bundle) -> None:
    mixed = bundle_with(bundle, alone=False)
    expected, loaded = _bits(run(engine_of(mixed), MARKET, S)), {mixed.metadata.version: mixed}
    for size in (10, 7 * S, N * S):
        assert _bits(run(engine_of(mixed), MARKET, size)) == expected
    first, cut = engine_of(mixed), 31 * S
    before = run(first, TestMarket(*MARKET.part(slice(0, cut))), 70)
    second = engine_of()
    second.restore(copied(first.snapshot()), loaded.__getitem__)
    assert _bits(before + run(second, TestMarket(*MARKET.part(slice(cut, None))), 90)) == expected


def _bits(made: list) -> str:
    return repr(sorted(by_key(made).items()))  # NaN isn't equal to itself
