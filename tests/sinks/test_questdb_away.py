"""QuestDB away at start and while it is written; our own process killed; the spool between them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataflows.sinks.errors import StoreUnavailable
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.store import QuestDbStore
from tests.servers import Running, free_ports, running_questdb
from tests.sinks.conftest import questdb_url
from tests.sinks.rows import bars_of

ROWS = 20  # a batch
WRITER = f"""
import sys, time
from pathlib import Path
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.store import QuestDbStore
from tests.sinks.rows import bars_of
store = QuestDbStore(sys.argv[1], options=QuestDbOptions(Path(sys.argv[2])))
number = store.last_committed()
while True:
    number += 1
    store.append("bars", bars_of({ROWS}, {ROWS} * number), number)
    store.commit(number)
    print(store.acknowledged(), store.state().name, flush=True)
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A QuestDB of this file's own, which its tests kill and freeze."""
    with running_questdb(tmp_path_factory.mktemp("questdb")) as running:
        yield running


@pytest.fixture
def opened(server: Running, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., QuestDbStore]]:
    stores: list[QuestDbStore] = []
    namespace = request.node.name.replace("test_", "").split("[")[0][:36].strip("_")

    def opener(spool_bytes: int = 1 << 30) -> QuestDbStore:
        server.start()
        options = QuestDbOptions(tmp_path / "spool", spool_bytes, patience=60.0)
        stores.append(QuestDbStore(questdb_url(server.questdb), namespace, options=options))
        return stores[-1]

    yield opener
    server.start()
    for store in stores:
        store.close()


def put(store: QuestDbStore, number: int) -> None:
    store.append("bars", bars_of(ROWS, ROWS * number), number)
    store.commit(number)


def wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.01)


def check_rows(store: QuestDbStore, batches: int) -> None:
    """See that each row of the batches 1 to n is there, once."""
    found = [row["time"] for row in store.query("SELECT time FROM bars ORDER BY time")]
    assert found == [int(t) for k in range(1, batches + 1) for t in bars_of(ROWS, ROWS * k)["time"]]


def check_rows_of_a_kill(store: QuestDbStore) -> None:
    """See that what is committed is there, each row once; at most one batch more, whose commit came too late."""
    committed, times = store.last_committed(), [r["time"] for r in store.query("SELECT time FROM bars ORDER BY time")]
    assert times == bars_of(len(times), ROWS)["time"].tolist()
    assert len(times) % ROWS == 0 and len(times) // ROWS in (committed, committed + 1)


def test_a_server_that_is_away_at_start_is_named(tmp_path: Path) -> None:
    http, pg = free_ports(2)
    with pytest.raises(StoreUnavailable, match=rf"questdb://127.0.0.1:{http}: no answer over HTTP.*make up") as caught:
        QuestDbStore(f"questdb://127.0.0.1:{http}?pg={pg}", options=QuestDbOptions(tmp_path / "spool"))
    assert caught.value.exit_code == 75


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_while_the_server_is_away_rows_are_acknowledged_from_the_spool(
    opened: Callable[..., QuestDbStore], server: Running, fault: str
) -> None:
    store = opened()
    before = store.last_committed()
    for number in range(before + 1, before + 6):
        put(store, number)
    store.flush()
    getattr(server, fault)()
    for number in range(before + 6, before + 31):
        put(store, number)
    wait(lambda: store.acknowledged() == before + 30)
    state = store.state()
    assert (state.name, state.since > 0) == ("spooling", True) and state.waiting > 0
    server.start()
    wait(lambda: store.state()[:3:2] == ("up", 0))
    put(store, before + 31)
    store.flush()
    assert (store.last_committed(), store.acknowledged()) == (before + 31, before + 31)
    check_rows(store, before + 31)
    store.close()


def test_a_flow_that_ends_while_the_server_is_away_leaves_its_rows_to_the_next(
    opened: Callable[..., QuestDbStore], server: Running
) -> None:
    store = opened()
    put(store, 1)
    store.flush()
    server.kill()
    for number in range(2, 10):
        put(store, number)
    store.flush()
    store.close()
    with pytest.raises(StoreUnavailable, match="no answer"):
        QuestDbStore(questdb_url(server.questdb), store.namespace, options=store._options)
    again = opened()
    assert again.last_committed() == 9
    check_rows(again, 9)
    assert (again.acknowledged(), again.state().waiting) == (0, 0), "what another run committed isn't acknowledged"


def test_a_full_spool_makes_the_flow_wait_and_loses_nothing(
    opened: Callable[..., QuestDbStore], server: Running
) -> None:
    store = opened(spool_bytes=100_000)
    put(store, 1)
    store.flush()
    server.kill()
    numbers = iter(range(2, 200))
    done: list[int] = []

    def write() -> None:
        for number in numbers:
            put(store, number)
            done.append(number)

    flow = threading.Thread(target=write)
    flow.start()
    wait(lambda: store.state().name == "full")
    reached = len(done)
    flow.join(0.5)
    assert flow.is_alive() and len(done) <= reached + 1
    assert store.state().waiting < 200_000
    server.start()
    flow.join(60)
    assert not flow.is_alive()
    store.flush()
    check_rows(store, 199)


def test_a_dead_helper_is_noticed_and_its_rows_are_shipped_by_the_next(
    opened: Callable[..., QuestDbStore], server: Running
) -> None:
    store = opened()
    for number in range(1, 20):
        put(store, number)
    os.kill(store._helper.pid, signal.SIGKILL)
    with pytest.raises(StoreUnavailable, match=r"writing process ended with -9.*resume"):
        for number in range(20, 10_000):
            put(store, number)
    store.close()
    again = opened()
    assert again.last_committed() >= 19
    check_rows_of_a_kill(again)


def start_writer(server: Running, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, questdb_url(server.questdb), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."})


def acknowledged(process: subprocess.Popen[str], least: int, state: str = "") -> int:
    """Read what the writer says until `least` batches are acknowledged, in a state; return how many are then."""
    assert process.stdout is not None
    for line in process.stdout:
        number, found = line.split()
        if int(number) >= least and state in ("", found):
            return int(number)
    raise AssertionError("the writer ended early")


def killed(process: subprocess.Popen[str]) -> int:
    """Kill it and return the last acknowledgement it had seen."""
    process.send_signal(signal.SIGKILL)
    left, _ = process.communicate()
    return int(left.split()[-2]) if left.split() else 0


def test_our_own_kill_9_loses_nothing_with_the_server_there_or_away(server: Running, tmp_path: Path) -> None:
    reached = 0
    for away in (False, True, False):
        server.start()
        process = start_writer(server, tmp_path)
        seen = acknowledged(process, reached + 5)
        if away:
            server.kill()
            seen = acknowledged(process, seen + 10, "spooling")
        seen = max(seen, killed(process))
        server.start()
        store = QuestDbStore(questdb_url(server.questdb), options=QuestDbOptions(tmp_path, patience=60.0))
        committed = store.last_committed()
        assert committed >= seen > reached
        check_rows_of_a_kill(store)
        store.close()
        reached = committed
