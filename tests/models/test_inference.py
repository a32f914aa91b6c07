from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import msgspec
import numpy as np
import pytest
import torch

from models.config import SIGMA
from models.data.inputs import Inputs
from models.registry.bundle import Bundle
from models.serving.inference import InferenceEngine
from models.serving.stepper import Stepper
from models.serving.waves import waves
from models.training.layouts import evaluate
from schema.predictions import Predictions, Tier
from schema.timeframes import SECOND
from tests.models.market import FINGERPRINTS, NAMES, START, TestMarket, make_market

S, N = 23, 120
MARKET = make_market(S, N, planted=0.4, seed=12)
ASIDE = ("members", "row", "notes", "horizon", "inference_started", "inference_done", "served", "challenger")
BITS = tuple(f.name for f in fields(Predictions) if f.name not in ASIDE)


def engine_of(*bundles: Bundle, **options: object) -> InferenceEngine:
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu", **options)  # type: ignore[arg-type]
    for bundle in bundles:
        engine.activate(bundle)
    return engine


def run(engine: InferenceEngine, market: TestMarket, size: int) -> list[Predictions]:
    n = len(market.bars.time)
    return [p for first in range(0, n, size) for p in engine.infer(*market.part(slice(first, first + size)))]


def by_key(predictions: list[Predictions]) -> dict[tuple[int, int], tuple[object, ...]]:
    """All that a prediction says, by (time, symbol); a repeated key is an error."""
    rows: dict[tuple[int, int], tuple[object, ...]] = {}
    for made in predictions:
        for k in range(len(made.row)):
            key = (int(made.time[k]), int(made.symbol[k]))
            assert key not in rows
            columns = [getattr(made, name) for name in BITS]
            cells = [c[k].item() if isinstance(c, np.ndarray) else c for c in columns]
            rows[key] = (*cells, *(tuple(p[k].tolist()) for p in made.members.values()))
    return rows


@pytest.fixture(scope="module")
def reference(bundle: Bundle) -> dict[tuple[int, int], tuple[object, ...]]:
    return by_key(run(engine_of(bundle), MARKET, S))


def test_any_batches_give_the_same_bits(bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]) -> None:
    for size in (S * N, S * 7, 1009, 64, 10):  # some cut a bar time in two
        assert by_key(run(engine_of(bundle), MARKET, size)) == reference


def test_any_buckets_and_threads_give_the_same_bits(
    bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]
) -> None:
    for options in ({"buckets": (16,)}, {"buckets": (64, 1024)}, {"threads": 2}, {"n_symbols": 500}):
        assert by_key(run(engine_of(bundle, **options), MARKET, 5 * S)) == reference, options
    torch.set_num_threads(1)


def test_a_symbol_does_not_see_the_others(bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]) -> None:
    random = np.random.default_rng(2)
    for chosen in ([3], [20, 1, 7, 12]):
        order = [t * S + s for t in range(N) for s in random.permutation(chosen)]
        part = TestMarket(*MARKET.part(np.array(order)))
        expected = {key: row for key, row in reference.items() if key[1] in chosen}
        assert by_key(run(engine_of(bundle), part, 3 * len(chosen))) == expected


def test_steps_equal_the_full_sequence_and_trees_the_single_rows(bundle: Bundle) -> None:
    metadata, every = bundle.metadata, np.arange(S * N)
    inputs = Inputs(metadata.columns, NAMES, FINGERPRINTS)
    x, eligible = inputs.make(MARKET.rows.values, every), inputs.eligible(MARKET.rows.values, every)
    heads = evaluate(bundle.nets["gru"], x, MARKET.bars.symbol, eligible)[eligible]
    stepper = Stepper(bundle.nets["gru"], inputs.width, metadata.horizons, "cpu", (16, 64), S)
    parts = [stepper.run(x[rows], MARKET.bars.symbol[rows]) for rows in np.array_split(np.flatnonzero(eligible), 40)]
    np.testing.assert_allclose(np.concatenate(parts), heads, atol=1e-5)


def test_only_rows_with_required_columns_are_predicted_and_others_leave_no_trace(
    bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]
) -> None:
    defined = np.isfinite(MARKET.rows.values[:, NAMES.index(SIGMA)])
    assert set(reference) == set(
        zip(MARKET.bars.time[defined].tolist(), MARKET.bars.symbol[defined].tolist(), strict=True)
    )
    assert 0 < defined.sum() < S * N
    without = TestMarket(*MARKET.part(np.flatnonzero(defined)))
    assert by_key(run(engine_of(bundle), without, 50)) == reference
    assert all(np.isfinite(cell) for row in reference.values() for cell in row if isinstance(cell, float))


def test_predictions_are_consistent(bundle: Bundle) -> None:
    for made in run(engine_of(bundle), MARKET, 500):
        np.testing.assert_allclose(made.p_down + made.p_sideways + made.p_up, 1, rtol=1e-9)
        np.testing.assert_allclose(made.predicted_price, made.current_price * np.exp(made.expected_return), rtol=1e-12)
        np.testing.assert_allclose(
            np.stack([made.p_down, made.p_sideways, made.p_up], 1),
            sum(0.5 * p for p in made.members.values()),
            rtol=1e-9,
        )
        assert (made.volatility > 0).all()
        assert (made.tier, made.horizon, made.model_version) == (Tier.CPU, 3, bundle.metadata.version)
        assert (made.fingerprint, made.notes) == (bundle.metadata.fingerprint, ())


def test_a_snapshot_in_mid_stream_continues_with_the_same_bits(
    bundle: Bundle, other: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]
) -> None:
    cut = 61 * S
    loaded = {b.metadata.version: b for b in (bundle, other)}
    swap = int(MARKET.bars.time[80 * S])

    def fresh() -> InferenceEngine:
        engine = engine_of(bundle)
        engine.activate(other, swap, int(MARKET.bars.time[50 * S]))
        return engine

    whole = fresh()
    expected = by_key(run(whole, MARKET, 100))
    first = fresh()
    before = run(first, TestMarket(*MARKET.part(slice(0, cut))), 70)
    snapshot = copied(first.snapshot())
    run(first, TestMarket(*MARKET.part(slice(cut, None))), 70)  # goes on: the copy must not follow
    second = engine_of()
    second.restore(snapshot, loaded.__getitem__)
    after = run(second, TestMarket(*MARKET.part(slice(cut, None))), 90)
    assert by_key(before + after) == expected
    assert len(expected) == len(reference)


def test_each_part_of_the_snapshot_matters(bundle: Bundle) -> None:
    cut = 61 * S
    engine = engine_of(bundle)
    run(engine, TestMarket(*MARKET.part(slice(0, cut))), 70)
    snapshot = copied(engine.snapshot())
    rest = TestMarket(*MARKET.part(slice(cut, None)))
    expected = by_key(run(engine, rest, 90))
    for lost in ("states", "volatilities", "predicted"):
        spoiled = copied(snapshot)
        part = spoiled["timeframes"]["1s"]["runners"]["0"]["model"]
        for array in part[lost].values() if lost == "states" else [part[lost]]:
            array[:] = 0
        resumed = engine_of()
        resumed.restore(spoiled, lambda version: bundle)
        assert by_key(run(resumed, rest, 90)) != expected, lost


def copied(tree: dict) -> dict:
    return {
        key: copied(leaf) if isinstance(leaf, dict) else leaf.copy() if isinstance(leaf, np.ndarray) else leaf
        for key, leaf in tree.items()
    }


def test_a_swap_loses_no_row_and_falls_on_its_bar_time(
    bundle: Bundle, other: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]
) -> None:
    swap, begin = START + 80 * SECOND, START + 50 * SECOND
    engine = engine_of(bundle)
    head, tail = (TestMarket(*MARKET.part(p)) for p in (slice(0, 40 * S), slice(40 * S, None)))
    made = run(engine, head, 64)
    engine.activate(other, swap, begin)
    assert (engine.champion("1s"), engine.latest("1s")) == (bundle.metadata.version, other.metadata.version)
    made += run(engine, tail, 64)
    assert engine.champion("1s") == other.metadata.version
    rows = by_key(made)
    version = BITS.index("model_version")
    assert set(rows) == set(reference)
    for key, row in rows.items():
        assert row[version] == (other if key[0] >= swap else bundle).metadata.version
        if key[0] < swap:
            assert row == reference[key]
    alone = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu")
    alone.activate(other)
    since = TestMarket(*MARKET.part(np.flatnonzero(MARKET.bars.time >= begin)))
    expected = {key: row for key, row in by_key(run(alone, since, 77)).items() if key[0] >= swap}
    assert {key: row for key, row in rows.items() if key[0] >= swap} == expected


def test_a_first_model_speaks_from_its_effective_time(
    bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]
) -> None:
    engine, begin = engine_of(), START + 50 * SECOND
    engine.activate(bundle, begin)
    rows = by_key(run(engine, MARKET, 64))
    assert set(rows) == {key for key in reference if key[0] >= begin}


def test_a_later_activation_replaces_a_pending_one(bundle: Bundle, other: Bundle) -> None:
    engine = engine_of(bundle)
    engine.activate(other, START + 90 * SECOND)
    engine.activate(bundle, START + 60 * SECOND)
    run(engine, MARKET, 500)
    assert engine.champion("1s") == engine.latest("1s") == bundle.metadata.version


def test_timeframes_do_not_meet(bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]) -> None:
    market = make_market(S, N, planted=0.4, seed=12, timeframes=3)
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1m", "1s", "5m"], device="cpu")
    engine.activate(bundle)
    index = BITS.index("timeframe")
    rows = by_key(run(engine, market, 333))
    assert {k: (*r[:index], 0, *r[index + 1 :]) for k, r in rows.items()} == reference


def test_a_model_of_other_columns_is_refused_by_name(bundle: Bundle) -> None:
    engine = InferenceEngine(NAMES[1:], FINGERPRINTS | {"noise": "f" * 16}, ["1s"], device="cpu")
    with pytest.raises(ValueError, match=r"small_\S+ can't run here: .*\['signal'\] are missing and \['noise'\] have"):
        engine.activate(bundle)
    assert engine.champion("1s") is None


def test_a_model_of_another_timeframe_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match=r"is for timeframe 1s, configured are \['1m'\]"):
        InferenceEngine(NAMES, FINGERPRINTS, ["1m"], device="cpu").activate(bundle)


def test_columns_may_stand_elsewhere(bundle: Bundle, reference: dict[tuple[int, int], tuple[object, ...]]) -> None:
    order = np.array([4, 2, 0, 3, 1])
    engine = InferenceEngine([NAMES[k] for k in order], FINGERPRINTS, ["1s"], device="cpu")
    engine.activate(bundle)
    rows = type(MARKET.rows)(np.ascontiguousarray(MARKET.rows.values[:, order]), MARKET.rows.why[:, order])
    assert by_key(run(engine, TestMarket(MARKET.bars, rows), 100)) == reference


def test_trees_alone_say_so(bundle: Bundle) -> None:
    alone = Bundle(bundle.metadata, {}, bundle.trees)
    made = run(engine_of(alone), MARKET, 500)[0]
    assert (made.tier, list(made.members)) == (Tier.TREES, ["lightgbm"])
    assert made.notes == ("member gru is absent, the others' weights are renormalised",)
    np.testing.assert_array_equal(made.p_up, made.members["lightgbm"][:, 2])


def test_confidence_below_the_threshold_is_neutral(bundle: Bundle) -> None:
    strict, loose = (run(engine_of(bundle, threshold=t), MARKET, 500) for t in (0.9, 0.5))
    assert sum(np.count_nonzero(p.direction) for p in loose) > 2 * sum(np.count_nonzero(p.direction) for p in strict)
    assert all((p.confidence[p.direction != 0] >= 0.9).all() for p in strict)


def test_a_wave_holds_a_symbol_once_and_keeps_its_order() -> None:
    symbol = np.random.default_rng(1).integers(0, 5, 200).astype(np.int32)
    order, bounds = waves(symbol, 5)
    assert sorted(order.tolist()) == list(range(200))
    for begin, end in pairwise(bounds):
        assert len(set(symbol[order[begin:end]])) == end - begin > 0
    for s in range(5):
        assert (np.diff(order[symbol[order] == s]) > 0).all()


def test_buckets_that_round_differently_are_not_used(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    net = bundle.nets["gru"]
    encode = type(net).encode
    monkeypatch.setattr(type(net), "encode", lambda self, x: encode(self, x) + (1e-3 if len(x) == 64 else 0))
    assert Stepper(net, 6, 3, "cpu", (16, 64, 256), 4).buckets.sizes == (16, 256)


def test_a_net_that_rounds_by_a_rows_place_is_refused(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    net = bundle.nets["gru"]
    encode = type(net).encode
    bend = torch.zeros(16, 1).index_fill(0, torch.tensor([5]), 1e-3)
    monkeypatch.setattr(type(net), "encode", lambda self, x: encode(self, x) + bend.repeat(len(x) // 16, 1))
    with pytest.raises(ValueError, match=r"can't be served: gru: a row's result depends on its place in a batch"):
        engine_of().check(bundle)


def test_a_bucket_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="hold a bucket of 1"):
        InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu", buckets=(1, 16))


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(ValueError, match=r"inference device 'tpu' is not here; expected auto, cpu"):
        InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="tpu")


def test_metadata_survives_the_round_trip(bundle: Bundle) -> None:
    again = msgspec.json.decode(msgspec.json.encode(bundle.metadata), type=type(bundle.metadata))
    assert again == bundle.metadata
