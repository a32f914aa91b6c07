"""Processes by number and time of birth: what has ended, and what took its number, is left alone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local import processes
from ops.local.processes import Process


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    process = processes.start(["sleep", "60"], tmp_path / "log", {"clients": 1}, {})
    yield process
    process.send(signal.SIGKILL)
    assert process.wait(10.0)


def test_a_process_is_known_again_from_its_file(sleeper: Process, tmp_path: Path) -> None:
    sleeper.save(tmp_path / "process.json")
    found = processes.load(tmp_path / "process.json")
    assert found == sleeper
    assert found is not None
    assert found.alive()


def test_an_ended_process_is_not_alive_before_anyone_waits_for_it(sleeper: Process) -> None:
    processes._children[sleeper.pid].kill()
    end = time.monotonic() + 10
    while sleeper.alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert not sleeper.alive()
    sleeper.send(signal.SIGTERM)  # harmless


def test_one_that_was_born_at_another_time_is_another_process() -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        other = Process(stranger.pid, "earlier", {})
        assert not other.alive()
        other.send(signal.SIGKILL)
        assert other.wait(0.0)
        with pytest.raises(subprocess.TimeoutExpired):
            stranger.wait(0.2)
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ignores_a_request_is_still_there(tmp_path: Path) -> None:
    command = ["sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"]
    stubborn = processes.start(command, tmp_path / "log", {}, {})
    try:
        time.sleep(0.5)  # until the trap is set
        stubborn.send(signal.SIGTERM)
        assert not stubborn.wait(0.5)
    finally:
        stubborn.send(signal.SIGKILL)
        assert stubborn.wait(10.0)


def test_it_writes_to_its_log_and_reads_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = processes.start(["sh", "-c", "cat; echo out; echo err >&2; echo $MORE"], log, {}, {"MORE": "more"})
    assert process.wait(10.0)
    assert log.read_text().split() == ["out", "err", "more"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"pid": "x", "born": "y", "ports": {}}'])
def test_a_damaged_file_is_no_process(tmp_path: Path, text: str) -> None:
    path = tmp_path / "process.json"
    assert processes.load(path) is None
    path.write_text(text)
    assert processes.load(path) is None
