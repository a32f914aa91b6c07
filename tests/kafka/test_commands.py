"""`undertone publish`, `run` and `replay --from-kafka` against a real broker."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dataflows.assembly.assemble import NothingToResume
from dataflows.live import assemble_live
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from ops.commands import config, publish, replay
from ops.drain import Drain
from ops.errors import ConfigurationError, UsageError
from ops.settings import Settings
from schema.ticks import count
from tests.kafka.topics import (
    admin,
    by_lane,
    market,
    names,
    new_topic,
    opened,
    outcome,
    read_all,
    run,
    settings,
)
from tests.ops.commands import undertone
from tests.servers import free_ports

FILES = {
    "files": [], "synthetic": False, "start": None, "end": None, "rate": None, "pace": 0.0, "form": "columns",
    "batch": 100, "partitions": None, "duration_s": None,
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "ticks.parquet"
    write_parquet(market(20.0, faults=0.0), path)
    return path


def of(kafka: str, topic: str, *more: str) -> Settings:
    return settings(f"source.url=kafka://{kafka}/{topic}", *more)


def published(wanted: Settings, drain: Drain | None = None, **options: object) -> None:
    code = publish.run(wanted, json=True, drain=drain or Drain(), **{**FILES, **options})  # type: ignore[arg-type]
    assert code == 0


@pytest.mark.slow
def test_a_file_published_and_replayed_from_the_topic(kafka: str, recorded: Path, tmp_path: Path) -> None:
    topic = f"kafka://{kafka}/commands-{tmp_path.name}"
    done = undertone(
        "publish", str(recorded), "--source", topic, "--partitions", "4", "--format", "msgpack", "--json",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"complete": true' in done.stdout
    common = [
        "--timeframe", "1s,10s", "--model", "none", "--json", "--set", "features.families=calendar", "--symbols",
        ",".join(names()),
    ]  # fmt: skip
    done = undertone("replay", "--from-kafka", "--source", topic, *common, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f'"certificate": "{run(FileSource([recorded], lanes=4))["certificate"]}"' in done.stdout


def test_a_part_of_a_topic_by_time_is_that_part_of_the_file(
    kafka: str, recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic = new_topic(kafka)
    published(of(kafka, topic), files=[recorded])
    first = FileSource([recorded], 1).next_batch().ticks.ts_event[0]
    between = int(first) + 5 * 10**9, int(first) + 12 * 10**9
    capsys.readouterr()
    options = {"namespace": None, "pace": 0.0, "resume": False, "decisions": None, "engine": "in-process"}
    replay.run(
        of(kafka, topic), json=True, drain=Drain(), files=[], start=between[0], end=between[1], batch_size=None,
        from_kafka=True, **options,
    )  # type: ignore[arg-type]  # fmt: skip
    theirs = run(FileSource([recorded], lanes=4, start_ns=between[0], end_ns=between[1]))
    shown = capsys.readouterr().out
    assert f'"certificate": "{theirs["certificate"]}"' in shown
    assert f'"ticks_used": {theirs["ticks_used"]}' in shown
    assert theirs["ticks_used"] > 0


def test_the_synthetic_market_is_published_at_a_rate_until_it_is_asked_to_drain(kafka: str) -> None:
    topic = new_topic(kafka, 2)
    published(of(kafka, topic, "source.symbols=5"), synthetic=True, rate=500.0, duration_s=3.0, form="json")
    parts = read_all(opened(kafka, topic, finite=True))
    total = sum(count(part.ticks) for part in parts)
    assert 300 < total < 6000
    drained = Drain()
    drained.asked = True
    published(of(kafka, topic, "source.symbols=5"), drained, synthetic=True)
    assert sum(count(part.ticks) for part in read_all(opened(kafka, topic, finite=True))) == total


def test_a_rate_is_kept(kafka: str, recorded: Path) -> None:
    topic, began = new_topic(kafka, 1), time.monotonic()
    published(of(kafka, topic), files=[recorded], rate=2000.0)
    seconds = time.monotonic() - began
    total = sum(count(part.ticks) for part in read_all(opened(kafka, topic, finite=True)))
    assert seconds >= 0.9 * total / 2000.0


def test_the_same_symbol_always_goes_to_the_same_partition(kafka: str, recorded: Path) -> None:
    one, other = new_topic(kafka), new_topic(kafka)
    published(of(kafka, one), files=[recorded], form="json")
    published(of(kafka, other), files=[recorded], form="columns", batch=7)
    read = [by_lane(read_all(opened(kafka, topic, finite=True))) for topic in (one, other)]
    assert read[0] == read[1]
    homes = [{row[0] for row in lane if row[0]} for lane in read[0]]
    assert sum(map(len, homes)) == len(names())


def test_a_run_goes_on_where_it_was_drained(kafka: str, recorded: Path, tmp_path: Path) -> None:
    topic = new_topic(kafka)
    wanted = of(kafka, topic, f"checkpoint.directory={tmp_path}", "checkpoint.every_s=0.05")
    first = int(FileSource([recorded], 1).next_batch().ticks.ts_event[0])
    middle = first + 9 * 10**9
    lanes = {"lanes": 4}
    for between in ({"start": None, "end": middle}, {"start": middle, "end": None}):
        published(wanted, files=[recorded], **between)
        expected = run(FileSource([recorded], start_ns=None, end_ns=between["end"], **lanes))
        flow = assemble_live(wanted)
        until = time.monotonic() + 30
        while flow.tally.counts.ticks_used < expected["ticks_used"] and time.monotonic() < until:
            flow.pipeline.advance()
        while flow.pipeline.source.lag().sum():  # type: ignore[attr-defined]
            flow.pipeline.advance()
        flow.finish()
        found = outcome(flow)
        flow.close()
        assert found["ticks_used"] == expected["ticks_used"]
    assert found["ticks_read"] == expected["ticks_read"]


def test_without_a_checkpoint_a_start_from_the_snapshot_is_refused(kafka: str, tmp_path: Path) -> None:
    wanted = of(kafka, new_topic(kafka), f"checkpoint.directory={tmp_path}", "source.start=snapshot")
    with pytest.raises(NothingToResume, match=r"source\.start is snapshot"):
        assemble_live(wanted)


def test_partitions_are_made_once(kafka: str, recorded: Path) -> None:
    topic = new_topic(kafka, 2)
    with pytest.raises(ConfigurationError, match="has 2 partitions, --partitions asks for 3"):
        published(of(kafka, topic), files=[recorded], partitions=3)
    published(of(kafka, topic), files=[recorded], partitions=2)
    assert len(admin(kafka).list_topics(topic, timeout=5).topics[topic].partitions) == 2


def test_what_publish_refuses(kafka: str, recorded: Path) -> None:
    wanted = of(kafka, "any")
    for options in ({}, {"files": [recorded], "synthetic": True}, {"files": [recorded], "rate": 1.0, "pace": 1.0}):
        with pytest.raises(UsageError):
            published(wanted, **options)
    with pytest.raises(ConfigurationError, match=r"expected the topic as kafka://host:port/topic"):
        published(settings(), files=[recorded])


def test_a_broker_that_is_away_is_exit_code_75(tmp_path: Path) -> None:
    topic = f"kafka://127.0.0.1:{free_ports(1)[0]}/ticks"
    done = undertone("run", "--source", topic, "--set", "kafka.wait_s=1", folder=tmp_path)
    assert done.returncode == 75
    assert "no broker answered within 1 s" in done.stderr
    assert "Traceback" not in done.stderr


def test_options_of_the_client(kafka: str, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = of(kafka, new_topic(kafka, 1), "kafka.options=client.id=mine,sasl.password=hush")
    published(wanted, synthetic=True, duration_s=0.1)
    capsys.readouterr()
    config.show(wanted, json=True)
    shown = capsys.readouterr().out
    assert "client.id=mine" in shown
    assert "sasl.password=***" in shown
    assert "hush" not in shown
    with pytest.raises(ConfigurationError, match=r"setting kafka\.options: .*no\.such"):
        published(of(kafka, "any", "kafka.options=no.such=1"), synthetic=True)
