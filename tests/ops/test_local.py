"""`python -m ops.local`: starts what doesn't run, stops what it started and nothing else, keeps what is stored."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import psycopg
import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.local.processes import Process
from tests.ops.commands import ROOT, clean_environment
from tests.servers import free_ports, need

PORTS = (
    "kafka_port",
    "kafka_controller_port",
    "questdb_http_port",
    "questdb_pg_port",
    "questdb_ilp_port",
    "redis_port",
)


class Answer(NamedTuple):
    code: int
    out: dict[str, Any]
    error: str

    def states(self) -> dict[str, str]:
        return {row["name"]: row["state"] for row in self.out["servers"]}

    def pids(self) -> dict[str, int]:
        return {row["name"]: row["pid"] for row in self.out["servers"]}


class Local:
    """The command line, with a folder and ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))

    def __call__(self, *arguments: str, timeout_s: float = 240.0, **environ: str) -> Answer:
        settings = {f"UNDERTONE_LOCAL__{name.upper()}": str(port) for name, port in self.ports.items()}
        done = subprocess.run(
            [sys.executable, "-m", "ops.local", *arguments, "--json"], cwd=ROOT, capture_output=True, text=True,
            env=clean_environment(**settings, UNDERTONE_LOCAL__FOLDER=str(self.folder), **environ),
            timeout=timeout_s, check=False,
        )  # fmt: skip
        return Answer(done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    need("redis")
    found = Local(tmp_path / "servers")
    yield found
    assert found("down").code == 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """All three servers, up."""
    for name in ("kafka", "questdb", "redis"):
        need(name)
    found = Local(tmp_path_factory.mktemp("whole"))
    answer = found("up")
    assert answer.code == 0, answer.error
    assert answer.out["started"] == ["kafka", "questdb", "redis"]
    yield found
    assert found("down").code == 0


def test_a_second_up_starts_nothing(whole: Local) -> None:
    before = whole("status")
    again = whole("up")
    assert (again.code, again.out["started"]) == (0, [])
    assert whole("status").pids() == before.pids()
    assert (before.code, set(before.states().values())) == (0, {"healthy"})


def test_what_is_stored_outlives_down_and_up(whole: Local) -> None:
    store_something(whole.ports)
    pids = whole("status").pids()
    assert whole("down").out["stopped"] == ["redis", "questdb", "kafka"]
    assert [pid for pid in pids.values() if runs(pid)] == []
    down = whole("status")
    assert (down.code, set(down.states().values())) == (75, {"down"})
    assert whole("up").out["started"] == ["kafka", "questdb", "redis"]
    assert_it_is_there(whole.ports)


def runs(pid: int) -> bool:
    """Whether a process does more than wait for its parent to see that it ended."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def store_something(ports: dict[str, int]) -> None:
    bootstrap = {"bootstrap.servers": f"127.0.0.1:{ports['kafka_port']}"}
    admin = AdminClient(bootstrap)
    admin.create_topics([NewTopic("kept", 1, 1)])["kept"].result(30)
    producer = Producer(bootstrap)
    producer.produce("kept", b"a tick")
    assert producer.flush(30) == 0
    with postgres(ports) as connection:
        connection.execute("CREATE TABLE kept (time TIMESTAMP, price DOUBLE) TIMESTAMP(time) PARTITION BY DAY")
        connection.execute("INSERT INTO kept VALUES ('2026-01-02T03:04:05Z', 60000.01)")
    with redis.Redis(port=ports["redis_port"]) as client:
        client.xadd("kept", {"price": "60000.01"})


def assert_it_is_there(ports: dict[str, int]) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": f"127.0.0.1:{ports['kafka_port']}",
            "group.id": "kept",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["kept"])
    message = consumer.poll(60.0)
    consumer.close()
    assert message is not None
    assert message.value() == b"a tick"
    with postgres(ports) as connection:
        assert connection.execute("SELECT price FROM kept").fetchall() == [(60000.01,)]
    with redis.Redis(port=ports["redis_port"], decode_responses=True) as client:
        assert [fields for _, fields in client.xrange("kept")] == [{"price": "60000.01"}]


def postgres(ports: dict[str, int]) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host="127.0.0.1", port=ports["questdb_pg_port"], user="admin", password="quest", dbname="qdb", autocommit=True
    )


def test_a_topic_that_nobody_made_is_not_made_by_asking(whole: Local) -> None:
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{whole.ports['kafka_port']}"})
    client.list_topics("nobody-made-it", timeout=10)
    assert "nobody-made-it" not in client.list_topics(timeout=10).topics


@pytest.mark.parametrize("name", ["kafka", "questdb", "redis"])
def test_a_killed_server_comes_up_again(whole: Local, name: str) -> None:
    before = whole("status").pids()
    os.kill(before[name], signal.SIGKILL)
    assert until(lambda: whole("status").states()[name] == "ended by itself")
    answer = whole("up")
    assert (answer.code, answer.out["started"]) == (0, [name]), answer.error
    after = whole("status").pids()
    assert {other for other in after if after[other] != before[other]} == {name}


def until(happened: Callable[[], bool]) -> bool:
    return any(happened() for _ in range(20))


def test_a_server_can_be_named(local: Local) -> None:
    assert local("up", "redis").out["started"] == ["redis"]
    assert local("status").states() == {"kafka": "down", "questdb": "down", "redis": "healthy"}
    assert local("status", "redis").code == 0
    assert local("down", "kafka").out["stopped"] == []
    assert "Ready to accept connections" in local("logs", "redis").out["redis"][-1]
    assert local("up", "postgres").code == 2


def test_a_port_of_a_stranger_is_named_with_its_owner(local: Local) -> None:
    with socket.create_server(("127.0.0.1", local.ports["redis_port"])):
        answer = local("up", "redis")
    assert answer.code == 75
    assert f"127.0.0.1:{local.ports['redis_port']} (clients) is taken by" in answer.error
    assert f"process {os.getpid()}" in answer.error
    assert "local.redis_port" in answer.error
    assert local("status", "redis").states() == {"redis": "down"}


def test_down_spares_a_process_that_got_the_number_of_ours(local: Local) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        folder = local.folder / "redis"
        folder.mkdir(parents=True)
        Process(stranger.pid, "earlier", {"clients": local.ports["redis_port"]}).save(folder / "process.json")
        assert local("status", "redis").states() == {"redis": "ended by itself"}
        assert local("down", "redis").out["stopped"] == []
        assert stranger.poll() is None
        assert local("status", "redis").states() == {"redis": "down"}
    finally:
        stranger.kill()
        stranger.wait()


def test_other_ports_than_those_it_runs_on_are_refused(local: Local) -> None:
    local("up", "redis")
    first, (second,) = local.ports["redis_port"], free_ports(1)
    local.ports["redis_port"] = second
    answer = local("up", "redis", timeout_s=20)
    assert answer.code == 75
    assert f"runs on {first} (clients), the settings say {second} (clients); stop it first" in answer.error


def test_a_server_that_does_not_answer_is_not_up(local: Local) -> None:
    local("up", "redis")
    pid = local("status", "redis").pids()["redis"]
    os.kill(pid, signal.SIGSTOP)
    answer = local("up", "redis", "--timeout", "1")
    assert answer.code == 75
    assert "redis isn't healthy after 1 s" in answer.error
    assert local("status", "redis").states()["redis"].startswith("not healthy: ")
    os.kill(pid, signal.SIGCONT)


def test_a_server_that_ends_at_once_shows_the_end_of_its_log(local: Local) -> None:
    (local.folder / "redis" / "appendonlydir").mkdir(parents=True)
    (local.folder / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("rubbish")
    answer = local("up", "redis")
    assert answer.code == 75
    assert "redis has ended; the end of" in answer.error
    assert "manifest" in answer.error


def test_two_at_once_do_not_start_it_twice(local: Local) -> None:
    local.folder.mkdir()
    with open(local.folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = local("up", "redis")
    assert answer.code == 75
    assert "another up or down is at work" in answer.error


@pytest.mark.parametrize(("name", "program"), [("redis", "redis-server"), ("kafka", "java"), ("questdb", "java")])
def test_a_missing_program_is_named_with_its_package(local: Local, name: str, program: str) -> None:
    answer = local("up", name, PATH=str(local.folder), JAVA_HOME="")
    assert answer.code == 78
    assert f"{program} is not installed" in answer.error
    assert "apt-get install" in answer.error


def test_an_older_java_is_refused(local: Local, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    answer = local("up", "kafka", JAVA_HOME=str(tmp_path))
    assert answer.code == 78
    assert '"11.0.2"' in answer.error
    assert "expected Java 17 or newer" in answer.error
