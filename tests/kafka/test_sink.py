"""Predictions and feature rows in topics: what the store has, the topics have, before a checkpoint counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from dataflows.kafka.client import Cluster
from dataflows.kafka.outlet import Outlet
from dataflows.kafka.sink import RowTopic, WithKafka
from dataflows.messages.rows import decode_features
from dataflows.sinks.memory import MemoryStore
from dataflows.sinks.station import Sinks
from dataflows.sources.files import lanes_of
from schema.channels import prediction_key_of
from tests.kafka.topics import market, new_topic, outcome, raw, settings
from tests.servers import running_kafka
from tests.sinks.batches import FEATURES, SYMBOLS, TIMEFRAMES, full_batch, origin


class Listening:
    """A bus that keeps the predictions it is given."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def publish(self, channel: str, key: str, message: bytes, sequence: int) -> None:
        if prediction_key_of(channel) is not None:
            self.messages.append(message)

    def publish_all(self, messages: Sequence[tuple[str, str, bytes, int]]) -> None:
        for message in messages:
            self.publish(*message)

    def latest(self, key: str) -> bytes | None:
        return None

    def close(self) -> None: ...


def test_predictions_and_features_are_those_of_store_and_bus(kafka: str) -> None:
    predictions, features = new_topic(kafka, 3), new_topic(kafka, 2)
    topics = {
        "predictions": RowTopic(Cluster(kafka), predictions, 1),
        "features": RowTopic(Cluster(kafka), features, 1),
    }
    store, bus = WithKafka(MemoryStore("live", FEATURES), FEATURES, topics), Listening()
    sinks = Sinks(
        store, bus, symbols=SYMBOLS, timeframes=TIMEFRAMES, origin=origin, fingerprint="f" * 16, clock=lambda: 7
    )  # type: ignore[arg-type]
    for number in (1, 2):
        sinks.step(full_batch(number))
    store.flush()
    assert store.acknowledged() == 2
    sent = raw(kafka, predictions)
    assert sorted(value for _, _, value in sent) == sorted(bus.messages)
    homes = dict(zip(SYMBOLS, lanes_of(SYMBOLS, 3).tolist()))
    assert {(key.decode(), partition) for partition, key, _ in sent if key} == set(homes.items())
    assert msgspec.json.decode(sent[0][2])["model_version"] == "m1"

    rows = [decode_features(value) for _, _, value in raw(kafka, features)]
    found = {
        (symbol, int(at)): (part["values"][k].tolist(), part["validity"][k].tolist(), part["columns"])
        for part in rows
        for k, (symbol, at) in enumerate(zip(part["symbol"], part["time"]))
    }
    stored = list(store.query("SELECT * FROM features"))
    assert len(found) == len(stored) == 6
    for row in stored:
        values, validity, columns = found[row["symbol"], row["time"]]
        assert columns == list(FEATURES)
        assert [None if x != x else x for x in values] == [row[name] for name in FEATURES]
        assert bytes(validity) == bytes(row["validity"])
    store.close()


def test_a_flow_sends_every_feature_row_and_checkpoints_count_after_that(kafka: str, tmp_path: Path) -> None:
    from dataflows.assembly.assemble import assemble

    topic = f"kafka://{kafka}/features-{tmp_path.name}"
    wanted = settings(
        f"kafka.features={topic}", "kafka.partitions=2", "store.features_from_s=0", "store.url=memory:",
        "checkpoint.every_s=0.05",
    )  # fmt: skip
    flow = assemble(wanted, market(10.0), checkpoint_folder=tmp_path / "checkpoints")
    flow.pipeline.run()
    flow.finish()
    n = outcome(flow)["feature_rows"]
    sent = [decode_features(value) for _, _, value in raw(kafka, f"features-{tmp_path.name}")]
    assert sum(len(part["symbol"]) for part in sent) == n > 0
    assert sent[0]["values"].shape[1] == len(flow.features.names)
    assert flow.store.acknowledged() == flow.pipeline.number
    flow.close()


@pytest.mark.slow
def test_what_is_not_on_the_broker_is_not_acknowledged(tmp_path: Path) -> None:
    with running_kafka(tmp_path) as server:
        outlet = Outlet(Cluster(server.address), new_topic(server.address, 2))
        outlet.send(b"{}", 0)
        outlet.send(b"{}", 1)
        outlet.commit(7)
        outlet.flush()
        assert outlet.acknowledged() == 7
        server.pause()
        outlet.send(b"{}", 0)
        outlet.commit(8)
        outlet.commit(9)
        time.sleep(0.5)
        assert outlet.acknowledged() == 7
        server.resume()
        until = time.monotonic() + 30
        while outlet.acknowledged() < 9:
            assert time.monotonic() < until
            time.sleep(0.02)
        outlet.close()


def test_an_outlet_that_sent_nothing_keeps_no_checkpoint_waiting(kafka: str) -> None:
    outlet = Outlet(Cluster(kafka), new_topic(kafka, 1))
    assert outlet.acknowledged() > 10**12
    outlet.commit(41)
    assert outlet.acknowledged() == 41
    outlet.close()


def test_rows_of_many_columns_are_cut_into_messages_that_kafka_takes() -> None:
    from dataflows.messages.rows import encode_features

    n, width = 500, 763
    values = np.random.default_rng(1).normal(size=(n, width))
    rows = {
        "time": np.arange(n), "symbol": ["A"] * n, "timeframe": ["1s"] * n, "bar_sequence": np.arange(n),
        "fingerprint": ["f"] * n, "values": values, "validity": np.zeros((n, width), np.uint8),
    }  # fmt: skip
    messages = list(encode_features(rows, [f"column_{k}" for k in range(width)]))
    assert max(map(len, messages)) < 900_000
    assert np.array_equal(np.concatenate([decode_features(message)["values"] for message in messages]), values)


def test_rows_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        decode_features(msgspec.msgpack.encode([2, "f", [], [], [], b"", b"", b"", b""]))
