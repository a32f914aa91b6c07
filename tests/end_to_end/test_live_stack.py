"""The newcomer's path of docs/live.md at small scale: a recorded day through Kafka into QuestDB and Redis."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from dataflows.sinks.questdb.reading import Reading
from schema.messages import prediction_message
from schema.questdb import questdb_address
from tests.end_to_end.runs import command, environment, undertone
from tests.kafka.topics import committed, ends, new_topic
from tests.recovery.inputs import small_model
from tests.servers import QuestDb
from tests.sinks.conftest import new_namespace, questdb_url

LANES, FAMILIES = 4, "calendar,statistical"
DAY, PART = "us-equities-2013-10-08.parquet", ("--from", "2013-10-08T13:30", "--to", "2013-10-08T13:33")


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    return small_model(tmp_path, FAMILIES)


class Listening:
    """A subscriber by pattern, as `redis-cli psubscribe` is one."""

    def __init__(self, url: str, pattern: str) -> None:
        self._pubsub = redis.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
        self._pubsub.psubscribe(pattern)
        self._pubsub.get_message(timeout=5.0)

    def heard(self) -> list[dict[str, Any]]:
        """Everything up to a second of silence."""
        found = [json.loads(got["data"]) for got in iter(lambda: self._pubsub.get_message(timeout=1.0), None)]
        self._pubsub.close()
        return found


def wait(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 150.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1][-2000:]
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)


@pytest.mark.real
@pytest.mark.slow
def test_subscriber_query_and_replay_see_the_same_predictions(
    data_folder: Path, registry: Path, kafka: str, questdb: QuestDb, redis_server: str, tmp_path: Path
) -> None:
    namespace = new_namespace()
    topic, common = new_topic(kafka, LANES), [
        "--set", f"features.families={FAMILIES}", "--set", "bars.timeframes=1s",
        "--set", "universe.symbols=AIG,BAC,IBM,SPY", "--set", f"registry.root={registry}",
    ]  # fmt: skip
    source = ("--source", f"kafka://{kafka}/{topic}")
    subscriber = Listening(redis_server, f"{namespace}:predictions.1s.*")

    flow = subprocess.Popen(
        command(
            "run", *source, *common, "--set", f"store.url={questdb_url(questdb)}", "--set", f"bus.url={redis_server}",
            "--set", f"store.namespace={namespace}", "--set", f"source.group={namespace}", "--set",
            "checkpoint.every_s=0.5", "--set", "metrics.port=0", "--json",
        ),
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        checkpoints = tmp_path / "var" / "checkpoints" / namespace
        wait(lambda: any(checkpoints.glob("*.checkpoint")), flow)
        published = undertone(
            "publish", data_folder / DAY, *PART, "--pace", "50x", *source, folder=tmp_path
        )  # fmt: skip
        assert published["complete"] and published["ticks"] > 2_000
        assert published["seconds"] > 3  # three minutes at fifty times their pace
        wait(lambda: committed(kafka, namespace) == ends(kafka, topic), flow)
        flow.send_signal(signal.SIGTERM)
        said, errors = flow.communicate(timeout=120)
    finally:
        flow.kill()
        flow.wait()
    assert flow.returncode == 0, errors[-2000:]
    live = json.loads(said)

    heard = subscriber.heard()
    assert len(heard) == live["predictions"] > 300
    with psycopg.connect(host=questdb.host, port=questdb.pg, user="admin", password="quest", dbname="qdb") as sql:
        query = f"SELECT symbol, sequence, p_up, confidence FROM {namespace}__predictions ORDER BY sequence"
        asked = sql.execute(query).fetchall()
    assert asked == [(m["symbol"], m["sequence"], m["probabilities"]["up"], m["confidence"]) for m in heard], (
        "subscriber and query differ"
    )
    rows = Reading(questdb_address(questdb_url(questdb)), namespace).rows("SELECT * FROM predictions ORDER BY sequence")
    assert [json.loads(json.dumps(prediction_message(row))) for row in rows] == heard

    replayed = undertone(
        "replay", data_folder / DAY, *PART, "--lanes", str(LANES), *common, folder=tmp_path
    )  # fmt: skip
    same = ("certificate", "ticks_read", "ticks_used", "ticks_late", "ticks_dead", "bars", "predictions")
    assert {name: live[name] for name in same} == {name: replayed[name] for name in same}
    assert os.listdir(tmp_path / "var" / "spool"), "rows went through the spool"
