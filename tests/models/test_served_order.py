"""Served predictions stand in one order, whatever a batch holds: output sequences number them by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from models.registry.bundle import Bundle
from models.serving.inference import InferenceEngine
from schema.timeframes import SECOND
from tests.models.market import FINGERPRINTS, NAMES, START, make_market
from tests.models.test_inference import run

S, N, TIMEFRAMES = 6, 90, ["1s", "5s"]
MARKET = make_market(S, N, planted=0.4, seed=12, timeframes=len(TIMEFRAMES))
A_TIME = S * len(TIMEFRAMES)  # rows of one bar time

Change = Callable[[InferenceEngine, Bundle, Bundle], None]


def at(bar: int) -> int:
    return START + bar * SECOND


def there_and_back(engine: InferenceEngine, one: Bundle, other: Bundle) -> None:
    """Twice: who spoke first speaks last, with another in between."""
    for bar, bundle in ((40, other), (43, one), (47, other), (52, one)):
        engine.activate(bundle, at(bar), at(0))


def for_some_symbols(engine: InferenceEngine, one: Bundle, other: Bundle) -> None:
    """A challenger speaks for half of the symbols for a while."""
    engine.challenge(other, at(40), at(0), (0.0, 0.5))
    engine.withdraw("1s", other.metadata.version, at(60))


def promoted_and_challenged(engine: InferenceEngine, one: Bundle, other: Bundle) -> None:
    """A challenger takes over, and the old champion challenges it."""
    engine.challenge(other, at(40), at(0), (0.0, 0.5))
    engine.activate(other, at(50), at(50))
    engine.challenge(one, at(53), at(53), (0.3, 0.8))


def engine_of(one: Bundle, other: Bundle, changes: Change) -> InferenceEngine:
    lots = {"lots": lambda symbol: symbol / S}
    engine = InferenceEngine(NAMES, FINGERPRINTS, TIMEFRAMES, device="cpu", **lots)  # type: ignore[arg-type]
    engine.activate(one)
    engine.activate(replace(one, metadata=msgspec.structs.replace(one.metadata, timeframe="5s", version="slow")))
    changes(engine, one, other)
    return engine


@pytest.mark.parametrize("changes", [there_and_back, for_some_symbols, promoted_and_challenged])
def test_the_order_does_not_depend_on_batches(bundle: Bundle, other: Bundle, changes: Change) -> None:
    orders = []
    for bars in (1, 2, 7, N):
        made = run(engine_of(bundle, other, changes), MARKET, bars * A_TIME)
        rows = [(p, k) for p in made if p.served for k in range(len(p.time))]
        orders.append([(p.time[k], p.timeframe[k], p.symbol[k], p.model_version, p.p_up[k]) for p, k in rows])
    assert all(order == orders[0] for order in orders)
    places = [(time, timeframe) for time, timeframe, *_ in orders[0]]
    assert places == sorted(places)
    assert {version for *_, version, _ in orders[0]} == {
        bundle.metadata.version, other.metadata.version, "slow"
    }  # fmt: skip


def test_predictions_of_one_speaker_are_not_cut(bundle: Bundle) -> None:
    engine = InferenceEngine(NAMES, FINGERPRINTS, TIMEFRAMES, device="cpu")
    engine.activate(bundle)
    assert len(run(engine, MARKET, len(MARKET.bars.time))) == 1
