"""The servers of the tests themselves: what a test does to its own is what happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from tests.ops.commands import ROOT
from tests.servers import QuestDb, Running, need, running_kafka, running_questdb, running_redis

ORPHAN = """
import sys, time
from pathlib import Path
from tests.servers import running_redis
with running_redis(Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(60)
"""


def client(server: Running) -> redis.Redis:
    return redis.Redis(port=server.ports["clients"], socket_timeout=0.5)


def test_each_fixture_names_a_server_that_answers(kafka: str, questdb: QuestDb, redis_server: str) -> None:
    assert questdb.url == f"questdb://127.0.0.1:{questdb.http}"
    assert len({kafka.split(":")[1], str(questdb.http), str(questdb.pg), redis_server.split(":")[2]}) == 4


def test_a_killed_server_starts_again_on_its_port_with_what_it_had(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis", appendfsync="always") as server:
        pid = server.pid
        with client(server) as connection:
            connection.set("kept", "1")
        server.kill()
        with pytest.raises(AssertionError, match="doesn't run"):
            server.kill()
        with pytest.raises(redis.ConnectionError), client(server) as connection:
            connection.ping()
        server.start()
        assert server.pid != pid
        with client(server) as connection:
            assert connection.get("kept") == b"1"
            assert connection.config_get("appendfsync") == {"appendfsync": "always"}
        server.stop()
        assert "ready to exit" in server.server.tail(3)


def test_a_paused_server_takes_connections_and_answers_nothing(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as server:
        server.pause()
        with pytest.raises(redis.TimeoutError), client(server) as connection:
            connection.ping()
        server.resume()
        with client(server) as connection:
            assert connection.ping()
        server.pause()
    assert server.server.process() is None


def test_a_table_as_wide_as_the_features_takes_little_disk(tmp_path: Path) -> None:
    with running_questdb(tmp_path / "questdb") as server:
        login = {"user": "admin", "password": "quest", "dbname": "qdb"}
        with psycopg.connect(host="127.0.0.1", port=server.ports["pg"], autocommit=True, **login) as connection:
            columns = ", ".join(f"c{k} DOUBLE" for k in range(800))
            connection.execute(f"CREATE TABLE wide (time TIMESTAMP, {columns}) TIMESTAMP(time) PARTITION BY DAY WAL")
            connection.execute("INSERT INTO wide (time, c0) VALUES ('2026-01-02T03:04:05Z', 1.0)")
            end = time.monotonic() + 60
            while not connection.execute("SELECT c0 FROM wide").fetchall():
                assert time.monotonic() < end, "the row did not get into the table"
                time.sleep(0.1)
        files = [path.stat().st_blocks * 512 for path in (tmp_path / "questdb").rglob("*") if path.is_file()]
        assert sum(files) < 1e9


def test_a_broker_takes_its_options(tmp_path: Path) -> None:
    with running_kafka(tmp_path / "kafka", log_retention_check_interval_ms="1000") as server:
        assert "log.retention.check.interval.ms=1000\n" in (tmp_path / "kafka" / "server.properties").read_text()
        server.kill()
        server.start()


def test_a_server_ends_with_a_test_process_that_was_killed(tmp_path: Path) -> None:
    need("redis")
    process = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path / "redis")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_missing_programs_skip_a_test_and_fail_it_under_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="redis can't be started: redis-server is not installed"):
        need("redis")
