"""The Kafka source against a real broker: the flow's results are those of files, and nothing is skipped in silence."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.batch import Arrivals
from dataflows.interfaces import LiveSource
from dataflows.kafka import watch
from dataflows.kafka.client import Cluster
from dataflows.kafka.source import KafkaSource
from dataflows.kafka.topic import TopicAway
from dataflows.messages.encode import encode_columns, encode_heartbeat
from dataflows.messages.formats import Format
from dataflows.sources.errors import OtherLog
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from ops import metrics
from ops.durations import parse_time
from ops.errors import ConfigurationError, DependencyAway
from schema.ticks import TRADE, Ticks, count, take, ticks_of
from tests.kafka.topics import (
    TIME,
    add_partitions,
    admin,
    by_lane,
    committed,
    delete_before,
    delivering,
    market,
    new_topic,
    opened,
    outcome,
    publish,
    read_all,
    read_for,
    remake,
    run,
    settings,
)
from tests.servers import free_ports, running_kafka
from tests.sources.reading import read

BOUND_NS = 1_000_000_000  # order.bound_ms by default


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a market in four lanes, broken and late ticks among them."""
    path = tmp_path_factory.mktemp("market") / "ticks.parquet"
    write_parquet(market(60.0), path)
    return path


@pytest.fixture(scope="module")
def filled(kafka: str, recorded: Path) -> str:
    """A topic that holds the recording."""
    topic = new_topic(kafka)
    publish(kafka, topic, read(FileSource([recorded], 777, lanes=4)))
    return topic


@pytest.mark.parametrize("form", list(Format))
def test_the_certificate_is_that_of_the_files(kafka: str, recorded: Path, form: Format) -> None:
    topic = new_topic(kafka)
    publish(kafka, topic, read(FileSource([recorded], 777, lanes=4)), form, beat_ns=BOUND_NS + 1)
    theirs, ours = run(FileSource([recorded], lanes=4)), run(opened(kafka, topic, finite=True))
    assert ours == theirs
    assert min(ours["bars"], ours["ticks_late"], len(ours["ticks_dead"])) > 0


@pytest.mark.real
def test_a_slice_of_a_real_day_gives_the_certificate_of_its_file(kafka: str, data_folder: Path) -> None:
    def day() -> FileSource:
        between = parse_time("2013-10-08T13:30"), parse_time("2013-10-08T13:45")
        return FileSource([data_folder / "us-equities-2013-10-08.parquet"], 5_000, 4, *between)

    topic = new_topic(kafka)
    publish(kafka, topic, read(day()), batch=1000, beat_ns=BOUND_NS + 1)
    symbols = "universe.symbols=AIG,BAC,IBM,SPY"
    theirs, ours = run(day(), symbols), run(opened(kafka, topic, finite=True), symbols)
    assert ours == theirs
    assert ours["bars"] > 0


def test_a_live_flow_reaches_what_a_replay_of_the_file_reaches(kafka: str, recorded: Path) -> None:
    topic = new_topic(kafka)
    publish(kafka, topic, read(FileSource([recorded], lanes=4)), beat_ns=BOUND_NS + 1)
    flow = assemble(settings(), opened(kafka, topic))
    theirs = run(FileSource([recorded], lanes=4))
    until = time.monotonic() + 30
    while outcome(flow) != theirs and time.monotonic() < until:
        flow.pipeline.advance()
    assert outcome(flow) == theirs
    flow.close()


def test_seeking_at_random_leaves_out_nothing_and_repeats_nothing(kafka: str, filled: str) -> None:
    whole = by_lane(read_all(opened(kafka, filled, finite=True)), ignored=())
    rng, parts = random.Random(11), list[Arrivals]()
    source = opened(kafka, filled, finite=True, batch_ticks=300)
    for _ in range(6):
        wanted = rng.randint(1, 4)
        parts += read_for(source, lambda read, wanted=wanted: len(read) >= wanted)  # type: ignore[misc]
        position = source.position()
        read_for(source, lambda read: len(read) >= 1)  # read and forgotten
        source.close()
        source = opened(kafka, filled, finite=True, batch_ticks=rng.choice([100, 1000, 65_536]))
        source.seek(position)
    parts += read_all(source)
    source.close()
    assert by_lane(parts, ignored=()) == whole


def test_a_static_set_of_partitions_reads_those_alone(kafka: str, filled: str) -> None:
    whole = by_lane(read_all(opened(kafka, filled, finite=True)))
    source = opened(kafka, filled, partitions=(1, 3), finite=True)
    parts = by_lane(read_all(source), ignored=("offset", "index", "lane"))
    assert source.lanes == ("1", "3")
    assert [len(lane) for lane in parts] == [len(whole[1]), len(whole[3])]
    names, partitions, offsets = source.origin(np.array([0, 1]), np.array([5, 7]))
    assert (names, partitions.tolist(), offsets.tolist()) == ([filled] * 2, [1, 3], [5, 7])
    with pytest.raises(ConfigurationError, match=r"partitions 0-3, not \[4\]"):
        opened(kafka, filled, partitions=(0, 4))


def test_it_is_a_live_source(kafka: str, filled: str) -> None:
    assert isinstance(opened(kafka, filled), LiveSource)
    assert not isinstance(market(), LiveSource)


def test_start_policies(kafka: str) -> None:
    topic = new_topic(kafka, 1)
    publish(kafka, topic, [one_tick(0)])
    time.sleep(0.05)
    middle = time.time_ns()
    time.sleep(0.05)
    publish(kafka, topic, [one_tick(1)])
    assert opened(kafka, topic, begin="earliest").position()["offsets"] == [0]
    assert opened(kafka, topic, begin=middle).position()["offsets"] == [1]
    assert opened(kafka, topic, begin="latest").position()["offsets"] == [2]
    assert opened(kafka, topic, begin=time.time_ns() + 10**12).position()["offsets"] == [2]


def one_tick(k: int, lane: int = 0) -> Arrivals:
    return Arrivals(ticks_of(1, ts_event=TIME + k, symbol=0, kind=TRADE, price=1.0, size=1.0, lane=lane), ("SYN000",))


def test_offsets_that_retention_has_passed_are_refused_with_what_was_lost(kafka: str) -> None:
    topic = new_topic(kafka, 2)
    publish(kafka, topic, [one_tick(k, lane) for k in range(30) for lane in (0, 1)])
    source = opened(kafka, topic, batch_ticks=1)
    read_for(source, lambda parts: len(parts) >= 5)
    position = source.position()
    source.close()
    delete_before(kafka, topic, (25, 27))
    gone = sum(limit - at for limit, at in zip((25, 27), position["offsets"]))
    with pytest.raises(OtherLog, match="retention has passed offsets") as refused:
        opened(kafka, topic).seek(position)
    assert "recovery reset" in str(refused.value)
    assert sum(int(text.split(" messages")[0].split(", ")[-1]) for text in str(refused.value).split("; ")) == gone


def test_retention_that_overtakes_a_running_flow_ends_it(kafka: str) -> None:
    topic = new_topic(kafka, 1)
    publish(kafka, topic, [one_tick(k) for k in range(30)])
    source = opened(kafka, topic)
    delete_before(kafka, topic, (20,))
    with pytest.raises(OtherLog, match="retention has passed offsets 0 to 19, 20 messages are gone"):
        read_for(source, lambda parts: False)


def test_a_topic_made_anew_is_refused_though_it_holds_more(kafka: str) -> None:
    topic = new_topic(kafka, 1)
    publish(kafka, topic, [one_tick(k) for k in range(5)])
    source = opened(kafka, topic)
    read_for(source, lambda parts: sum(len(part.ticks.kind) for part in parts) >= 5)
    position = source.position()
    remake(kafka, topic, 1)
    publish(kafka, topic, [one_tick(k) for k in range(50)])
    with pytest.raises(OtherLog, match="deleted and made again"):
        opened(kafka, topic).seek(position)


def test_a_topic_that_ends_before_the_position_is_refused(kafka: str) -> None:
    topic = new_topic(kafka, 1)
    publish(kafka, topic, [one_tick(0)])
    source = opened(kafka, topic)
    position = {**source.position(), "offsets": [7]}
    with pytest.raises(OtherLog, match="ends at offset 1, the run had read up to 7"):
        source.seek(position)
    with pytest.raises(OtherLog, match="the position was taken in topic 'other'"):
        source.seek({**position, "topic": "other"})


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at the topic often, so that the test needn't wait."""
    monkeypatch.setattr(watch, "EVERY_S", 0.1)
    yield


def test_changes_of_the_topic_while_it_is_read_end_the_run(kafka: str, often: None) -> None:
    topic, gone = new_topic(kafka, 2), new_topic(kafka, 1)
    source = opened(kafka, topic)
    add_partitions(kafka, topic, 3)
    with pytest.raises(OtherLog, match="has 3 partitions, the run knew 2"):
        read_for(source, lambda parts: False)
    position = source.position()
    with pytest.raises(OtherLog, match="has 3 partitions, the run knew 2"):
        opened(kafka, topic, partitions=(0, 1)).seek(position)

    source = opened(kafka, gone)
    remake(kafka, gone, 1)
    with pytest.raises((OtherLog, TopicAway), match=r"made again|there is no topic"):
        read_for(source, lambda parts: False)


def test_a_broker_away_or_a_topic_missing_at_the_start(kafka: str) -> None:
    began = time.monotonic()
    with pytest.raises(DependencyAway, match=r"no broker answered within 1 s.*make up") as away:
        KafkaSource(Cluster(f"127.0.0.1:{free_ports(1)[0]}", wait_s=1.0), "ticks")
    assert time.monotonic() - began < 10
    assert away.value.exit_code == 75
    with pytest.raises(TopicAway, match=r"there is no topic 'nowhere', only .*--partitions") as missing:
        opened(kafka, "nowhere")
    assert missing.value.exit_code == 75
    assert "nowhere" not in admin(kafka).list_topics(timeout=5).topics


@pytest.mark.slow
def test_a_broker_that_goes_away_is_waited_for(tmp_path: Path, often: None) -> None:
    with running_kafka(tmp_path) as server:
        topic = new_topic(server.address, 2)
        publish(server.address, topic, [one_tick(k, k % 2) for k in range(100)])
        source = opened(server.address, topic)
        parts = read_for(source, lambda parts: sum(len(part.ticks.kind) for part in parts) >= 100)
        server.kill()
        until = time.monotonic() + 20
        while not metrics.SOURCE_AWAY._value.get() and time.monotonic() < until:
            assert source.next_batch() is None
            time.sleep(0.01)
        assert metrics.SOURCE_AWAY._value.get() == 1
        server.start()
        publish(server.address, topic, [one_tick(100 + k, k % 2) for k in range(100)])
        parts += read_for(source, lambda parts: sum(len(part.ticks.kind) for part in parts) >= 100, seconds=60)
        assert metrics.SOURCE_AWAY._value.get() == 0
        assert [len(lane) for lane in by_lane(parts)] == [100, 100]
        assert len(set(by_lane(parts)[0])) == 100
        source.close()


def test_poison_is_dead_letters_and_the_rest_is_used(kafka: str) -> None:
    topic, rng = new_topic(kafka, 1), random.Random(3)
    with delivering(kafka, topic, message_max_bytes=50_000_000) as delivery:
        for k in range(2000):
            if k % 100 == 50:
                delivery.send(rng.randbytes(rng.randint(0, 300)), 0, rng.choice(list(Format)))
            ticks = ticks_of(1, ts_event=TIME + k * 10**6, symbol=0, kind=TRADE, price=1.0 + k % 7, size=1.0)
            delivery.send(encode_columns(ticks, ["SYN000"]), 0, Format.COLUMNS)
    found = run(opened(kafka, topic, finite=True), "order.outlier_bound=0")
    assert (found["ticks_used"], found["ticks_dead"]) == (2000, {"malformed": 20})


def test_a_message_of_forty_megabytes_is_one_dead_letter(tmp_path: Path) -> None:
    with running_kafka(tmp_path, message_max_bytes="50000000") as server:
        topic = new_topic(server.address, 1)
        with delivering(server.address, topic, message_max_bytes=50_000_000) as delivery:
            delivery.send(random.Random(1).randbytes(40_000_000), 0, Format.COLUMNS)
            delivery.send(encode_heartbeat(TIME), 0, Format.COLUMNS)
        parts = read_all(opened(server.address, topic, finite=True))
    malformed = {row: text for part in parts for row, text in part.malformed.items()}
    assert list(malformed.values()) == [
        "a message of 40000000 bytes; at most 8388608 are read (source.max_message_bytes)"
    ]
    assert sum(count(part.ticks) for part in parts) == 2


def test_offsets_of_checkpoints_that_count_are_seen_in_the_group(kafka: str, filled: str, tmp_path: Path) -> None:
    group = f"group-{filled}"
    source = opened(kafka, filled, group=group, finite=True)
    ends = source._topics.marks(range(4))[1].tolist()
    run(source, "checkpoint.every_s=0.05", checkpoints=tmp_path / "checkpoints")
    assert committed(kafka, group) == dict(enumerate(ends))


def test_nothing_is_committed_before_a_checkpoint_counts(kafka: str, filled: str) -> None:
    group = f"early-{filled}"
    run(opened(kafka, filled, group=group, finite=True))
    assert committed(kafka, group) == {}


def test_leading_lanes_are_held_instead_of_overflowing_the_buffer(kafka: str, recorded: Path) -> None:
    topic = new_topic(kafka)
    parts = read(FileSource([recorded], lanes=4))
    for lane in range(4):  # a backlog as a consumer meets it: one partition after the other
        chosen = [Arrivals(_lane(part, lane), part.names) for part in parts]
        publish(kafka, topic, chosen, batch=20)
    capacity = 1500
    most, held = 0, 0
    source = opened(kafka, topic, finite=True, batch_ticks=capacity // 8)
    flow = assemble(settings(f"order.capacity={capacity}"), source)
    order = next(station for station in flow.pipeline.stations if station.name == "order")
    while not flow.pipeline.ended:
        flow.pipeline.advance()
        most = max(most, count(order.buffer.waiting))  # type: ignore[attr-defined]
        held = max(held, int(source._held.sum()))
    theirs = run(FileSource([recorded], lanes=4))
    assert held > 0
    assert most <= capacity
    assert outcome(flow) == theirs
    flow.close()
    assert sum(count(part.ticks) for part in parts) > 3 * capacity, "the backlog would have fitted into the buffer"


def _lane(part: Arrivals, lane: int) -> Ticks:
    return take(part.ticks, part.ticks.lane == lane)


def test_lag_is_what_is_left_to_read(kafka: str, filled: str) -> None:
    source = opened(kafka, filled, batch_ticks=1)
    read_for(source, lambda parts: len(parts) >= 3)
    ends = source._topics.marks(range(4))[1]
    behind = ends - np.array(source.position()["offsets"])
    lag = source.lag()
    assert (lag <= behind).all()
    assert lag.sum() > 0
    read_for(source, lambda parts: source.lag().sum() == 0)
