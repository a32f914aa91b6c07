"""The station turns a batch into rows and messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from dataflows.batch import Batch
from dataflows.sinks.bus import InProcessBus, NullBus
from dataflows.sinks.memory import MemoryStore
from dataflows.sinks.null import NullStore
from dataflows.sinks.rows import _members
from dataflows.sinks.station import STATUS, Sinks
from schema.alerts import Alert, AlertKind, AlertState
from schema.bars import take_bars
from schema.events import Decision, DecisionKind
from schema.messages import prediction_message
from schema.outcomes import NONE, OUTCOME, Outcomes, Score
from schema.tables import TABLES
from tests.sinks.batches import FEATURES, START, SYMBOLS, TIMEFRAMES, bars_at, full_batch, origin, predictions_for

NOW = 1_700_000_000_000_000_000


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    yield MemoryStore(feature_names=FEATURES)


def sinks(store: Any, bus: Any = None, **settings: Any) -> Sinks:
    given: dict[str, Any] = {
        "symbols": SYMBOLS, "timeframes": TIMEFRAMES, "origin": origin, "fingerprint": "f" * 16, "clock": lambda: NOW,
    }  # fmt: skip
    return Sinks(store, bus or InProcessBus(), **(given | settings))


def read(store: MemoryStore, table: str) -> list[dict[str, Any]]:
    return sorted(store.query(f"SELECT * FROM {table}"), key=lambda row: (row["time"], row.get("symbol", "")))


def test_a_batch_reaches_every_table_of_the_run(store: MemoryStore) -> None:
    sinks(store, store_ticks=True).step(full_batch(1))
    counts = {table: len(read(store, table)) for table in TABLES}
    assert counts == {
        "ticks": 4, "bars": 3, "features": 3, "predictions": 3, "challenger_predictions": 0, "outcomes": 0,
        "scores": 0, "decisions": 1, "events": 2, "alerts": 0, "late_ticks": 1, "dead_letters": 1,
    }  # fmt: skip
    assert store.acknowledged() == 1


def alerting_batch(number: int) -> Batch:
    batch = full_batch(number)
    time = START + number * 10**9
    batch.alerts = [
        Alert(time, AlertKind.JUMP, AlertState.RAISED, 1, 2, {"score": 9.5, "log_return": 0.01}),
        Alert(time, AlertKind.FEATURE_DRIFT, AlertState.RAISED, 1, details={"ratio": 2.0, "bad": np.nan}),
    ]
    return batch


def test_alerts_are_rows(store: MemoryStore) -> None:
    for _ in range(2):
        sinks(store, NullBus()).step(alerting_batch(1))
    time = START + 10**9
    drift, jump = read(store, "alerts")
    assert {**jump, "details": json.loads(jump["details"])} == {
        "time": time, "kind": "jump", "symbol": "IBM", "timeframe": "1m",
        "details": {"state": "raised", "score": 9.5, "log_return": 0.01},
    }  # fmt: skip
    assert (drift["symbol"], json.loads(drift["details"])) == ("", {"state": "raised", "ratio": 2.0, "bad": None})


def test_a_batch_of_nothing_but_alerts_is_written(store: MemoryStore) -> None:
    batch = Batch(1)
    batch.alerts = alerting_batch(1).alerts
    sinks(store).step(batch)
    assert len(read(store, "alerts")) == 2


def test_a_resume_announces_no_champion_again(store: MemoryStore) -> None:
    bus = InProcessBus()
    listener = bus.subscribe("models.active")
    station = sinks(store, bus)
    station.step(full_batch(1))
    assert [message.channel for message in listener.take(0)] == ["models.active"]
    resumed = sinks(store, bus)
    resumed.restore(station.snapshot())
    resumed.step(full_batch(2))
    assert listener.take(0) == []


def test_the_same_batch_twice_leaves_the_same_rows(store: MemoryStore) -> None:
    station = sinks(store, store_ticks=True)
    station.step(full_batch(1))
    once = {table: read(store, table) for table in TABLES}
    again = sinks(store, store_ticks=True)
    again.step(full_batch(1))
    assert {table: read(store, table) for table in TABLES} == once


def test_bars_and_predictions_carry_names_and_the_origin_of_their_last_tick(store: MemoryStore) -> None:
    sinks(store).step(full_batch(1))
    bar = read(store, "bars")[0]
    assert (bar["symbol"], bar["timeframe"], bar["close"], bar["bar_sequence"]) == ("AAPL", "1m", 60_000.01, 1)
    assert read(store, "bars")[1]["close"] is None  # IBM's is NaN
    row = read(store, "predictions")[2]
    assert (row["symbol"], row["direction"], row["risk_level"], row["tier"]) == ("MSFT", "bearish", "high", "cpu")
    assert (row["source"], row["partition"], row["offset"], row["message_index"]) == ("day1.parquet", 0, 102, 1)
    assert [row["offset"] for row in read(store, "predictions")] == [101, 103, 102]
    assert (row["inference_started"], row["inference_done"], row["enqueued"]) == (10, 20, NOW)


def test_members_are_json_without_nan(store: MemoryStore) -> None:
    sinks(store).step(full_batch(1))
    ibm = read(store, "predictions")[1]
    assert json.loads(ibm["members"]) == {"gru": [None, None, None], "trees": [0.25, 0.5, 0.25]}
    assert (ibm["expected_return"], ibm["volatility"]) == (None, None)


@pytest.mark.parametrize(("features_from", "stored"), [(60.0, 3), (0.0, 6), (61.0, 0)])
def test_feature_rows_are_kept_from_a_timeframe_on(store: MemoryStore, features_from: float, stored: int) -> None:
    station = sinks(store, features_from=features_from)
    for number, timeframe in ((1, 0), (2, 1)):
        batch = full_batch(number)
        batch.bars.timeframe[:] = timeframe
        station.step(batch)
    found = read(store, "features")
    assert len(found) == stored
    if stored == 3:
        assert [(row["ema_8"], row["rsi_14"], row["validity"]) for row in found] == [
            (1.0, 2.0, b"\x01\x00"), (5.0, 6.0, b"\x00\x00"), (None, 4.0, b"\x00\x01"),
        ]  # fmt: skip


def test_late_and_dead_ticks_say_what_became_of_them(store: MemoryStore) -> None:
    sinks(store, store_ticks=True).step(full_batch(3))
    late, dead = read(store, "late_ticks")[0], read(store, "dead_letters")[0]
    assert (late["symbol"], late["kind"], late["watermark"], late["verdict"]) == ("IBM", "trade", START, 1)
    assert (dead["reason"], dead["found"]) == ("bad_price", "price=-1")
    assert (dead["source"], dead["offset"]) == ("day1.parquet", 34)
    verdicts = {row["offset"]: (row["kind"], row["verdict"]) for row in read(store, "ticks")}
    assert verdicts == {31: ("trade", 0), 32: ("quote", 0), 33: ("trade", 1), 34: (None, 2)}


def test_ticks_are_not_stored_unless_asked_for(store: MemoryStore) -> None:
    sinks(store).step(full_batch(1))
    assert read(store, "ticks") == []


def test_a_message_is_what_the_store_would_answer(store: MemoryStore) -> None:
    bus = InProcessBus()
    sinks(store, bus).step(full_batch(1))
    for row in read(store, "predictions"):
        body = bus.latest(f"prediction:1m:{row['symbol']}")
        assert body is not None and json.loads(body) == prediction_message(row)


def test_channels_and_keys_of_another_namespace_are_its_own(store: MemoryStore) -> None:
    bus = InProcessBus()
    listener = bus.subscribe("replay:predictions.1m.*")
    sinks(store, bus, namespace="replay").step(full_batch(1))
    assert {message.key for message in listener.take(0)} == {f"replay:prediction:1m:{name}" for name in SYMBOLS}


def test_output_sequences_go_on_after_a_restore(store: MemoryStore) -> None:
    station = sinks(store)
    station.step(full_batch(1))
    resumed = sinks(store)
    resumed.restore(json.loads(json.dumps(station.snapshot())))
    resumed.step(full_batch(2))
    assert sorted(row["sequence"] for row in read(store, "predictions")) == [1, 2, 3, 4, 5, 6]
    assert resumed.snapshot()["totals"]["predictions"] == 6


def test_a_decision_is_durable_before_record_returns(store: MemoryStore) -> None:
    sinks(store).record(Decision(START, DecisionKind.ACTIVATE, "m2", details={"at": 5}))
    assert [(row["kind"], row["details"]) for row in read(store, "decisions")] == [("activate", '{"at":5}')]


def test_a_symbol_that_joins_later_gets_its_name(store: MemoryStore) -> None:
    names = ["AAPL"]
    station = sinks(store, symbols=lambda: names)
    for number, known in ((1, ["AAPL"]), (2, SYMBOLS)):
        names[:] = known
        batch = Batch(number)
        batch.bars = take_bars(bars_at(number), slice(len(known)))
        station.step(batch)
    assert {row["symbol"] for row in read(store, "bars")} == set(SYMBOLS)


def test_an_empty_batch_is_only_acknowledged() -> None:
    store, bus = NullStore(), NullBus()
    station = sinks(store, bus)
    station.step(Batch(41))
    assert (store.acknowledged(), dict(store.rows)) == (41, {})


def test_the_status_counts_and_tells_the_model(store: MemoryStore) -> None:
    clock = iter(range(NOW, NOW + 10**11, 2 * 10**9))
    station = sinks(store, clock=lambda: next(clock))
    for number in (1, 2):
        station.step(full_batch(number))
    status = json.loads(store.get_meta(STATUS) or "")
    assert status["totals"] == {"ticks": 4, "late": 2, "dead": 2, "bars": 6, "features": 6, "predictions": 6}
    assert (status["model_version"], status["batch"], status["rates"]["bars_per_second"]) == ("m1", 2, 0.5)


def test_only_what_is_served_is_published_and_numbered(store: MemoryStore) -> None:
    batch, bus = full_batch(1), InProcessBus()
    served, shadow = predictions_for(batch.bars, "champion"), predictions_for(batch.bars, "challenger")
    batch.predictions, batch.shadows = [served], [shadow]
    sinks(store, bus).step(batch)
    assert json.loads(bus.latest("prediction:1m:IBM") or b"")["model_version"] == "champion"
    assert {row["sequence"]: row["model_version"] for row in read(store, "predictions")} == dict.fromkeys(
        (1, 2, 3), "champion"
    )
    scored = read(store, "challenger_predictions")
    assert [(row["symbol"], row["model_version"]) for row in scored] == [
        (row["symbol"], "challenger") for row in read(store, "predictions")
    ]


def test_outcomes_and_scores_are_rows_with_names(store: MemoryStore) -> None:
    batch = full_batch(1)
    rows = np.zeros(2, OUTCOME)
    rows["time"], rows["sequence"], rows["known_at"], rows["symbol"] = START, 7, START + 5, [0, 2]
    rows["label"], rows["basis"], rows["realised"], rows["brier"] = [2, NONE], [0, 3], [0.5, np.nan], [0.25, np.nan]
    batch.outcomes = [Outcomes(1, "m1", 5, rows)]
    batch.scores = [Score(START, 1, "m1", 5, True, START - 9, 2, 1, 0, None, None, None, 0.25, 0.5, None, 3.5, 40.0)]
    sinks(store).step(batch)
    first, second = sorted(read(store, "outcomes"), key=lambda row: row["symbol"])
    assert (first["symbol"], first["label"], first["basis"], first["realised_return"]) == ("AAPL", 1, "mid", 0.5)
    assert (second["symbol"], second["label"], second["basis"], second["brier"]) == ("IBM", None, "gap", None)
    assert {(row["timeframe"], row["horizon"], row["bar_sequence"]) for row in (first, second)} == {("1m", 5, 7)}
    (score,) = read(store, "scores")
    assert (score["role"], score["accuracy"], score["brier"], score["e_needed"]) == ("challenger", None, 0.25, 40.0)


def test_the_end_of_a_finite_input_is_a_decision_that_is_durable_before_its_rows(store: MemoryStore) -> None:
    station = sinks(store)
    station.step(full_batch(1))
    assert list(store.query("SELECT kind FROM decisions WHERE kind = 'end'")) == []
    last = full_batch(2)
    last.last, last.watermark = True, 1_700_000_000_000_000_000
    commit, seen = store.commit, []

    def committing(sequence: int) -> None:
        seen.extend(row["time"] for row in store.query("SELECT time FROM decisions WHERE kind = 'end'"))
        commit(sequence)

    store.commit = committing  # type: ignore[method-assign]
    station.step(last)
    assert seen == [last.watermark]
    station.step(Batch(3, last=True))  # an input without a tick has no time to end at
    assert len(list(store.query("SELECT kind FROM decisions WHERE kind = 'end'"))) == 1


def test_votes_that_are_cut_from_one_encoding_are_those_of_each_row() -> None:
    rng = np.random.default_rng(3)
    for n in (0, 1, 3):
        predictions = predictions_for(bars_at(1))
        odd = [np.nan, np.inf, -0.0, 1e-6, 1e22, 0.25, 1 / 3]
        members = {name: rng.choice(odd, (n, 3)) for name in ("gru", 'a"],[b', "ä")}
        rows_of = [{name: np.round(vote[k], 6).tolist() for name, vote in members.items()} for k in range(n)]
        part = replace(predictions, time=predictions.time[:n], members=members)
        assert _members(part) == [msgspec.json.encode(row).decode() for row in rows_of]
        assert _members(replace(part, members={})) == ["{}"] * n
