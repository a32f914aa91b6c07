"""Workers and the processes of their jobs, killed in every way: each job is done, and never twice at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from models.jobs.jobs import Jobs
from models.jobs.leases import Leases
from models.jobs.opening import open_records
from models.jobs.record import Job
from models.jobs.worker import Worker
from tests.jobs.child import PAUSE_S
from tests.jobs.conftest import wanted
from tests.ops.commands import ROOT, clean_environment

LEASE_S = 8.0
on_sqlite = pytest.mark.parametrize("place", ["sqlite"], indirect=True)  # what is the same on every store
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary.txt"


@pytest.fixture
def live(place: tuple[str, str]) -> Iterator[Jobs]:
    """Jobs by the real clock."""
    records = open_records(*place)
    yield Jobs(records)
    records.close()


@pytest.fixture
def start(place: tuple[str, str], diary: Path) -> Iterator[Start]:
    """Start workers; whatever happens they are gone at the end."""
    there: list[subprocess.Popen[bytes]] = []

    def begin(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.jobs.member", name, *place, str(LEASE_S), str(diary)]
        there.append(subprocess.Popen(command, cwd=ROOT, env=clean_environment()))
        return there[-1]

    yield begin
    for process in there:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def until(check: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def all_ended(jobs: Jobs) -> bool:
    return not any(job.is_open for job in jobs.newest(100))


def works(diary: Path, job: Job, attempt: int) -> bool:
    return f"{job.id} {attempt} " in (diary.read_text() if diary.exists() else "")


def assert_never_twice_at_once(diary: Path) -> None:
    """The notes of a job's attempts follow each other: none begins before the one before has noted its last."""
    lines = [line.split() for line in diary.read_text().splitlines()]
    for job in {line[0] for line in lines}:
        attempts = [int(line[1]) for line in lines if line[0] == job]
        assert attempts == sorted(attempts), f"{job}: {attempts}"
        pids = {(line[1], line[2]) for line in lines if line[0] == job}
        assert len(pids) == len(set(attempts)), "one process an attempt"


def process_of(jobs: Jobs, job: Job) -> int:
    lease = jobs.get(job.id).lease
    assert lease is not None and lease.process is not None
    return lease.process.pid


def test_a_killed_worker_takes_its_job_along_and_another_one_does_it(live: Jobs, start: Start, diary: Path) -> None:
    made = live.submit(wanted("long"))
    first = start("first")
    until(lambda: works(diary, made, 1))
    child = process_of(live, made)
    first.kill()
    until(lambda: not Path(f"/proc/{child}").exists(), 5)
    second = start("second")
    until(lambda: all_ended(live))
    ended = live.get(made.id)
    assert (ended.status, ended.attempts, ended.version) == ("succeeded", 2, "long_2")
    assert_never_twice_at_once(diary)
    second.terminate()
    assert second.wait(20) == 0


@on_sqlite
def test_a_killed_process_is_tried_again(live: Jobs, start: Start, diary: Path) -> None:
    made, other = live.submit(wanted("dies")), live.submit(wanted("leaves"))
    start("w")
    until(lambda: all_ended(live))
    assert (live.get(made.id).status, live.get(made.id).version) == ("succeeded", "dies_2")
    refused = live.get(other.id)
    assert (refused.status, refused.attempts) == ("failed", 1)
    assert refused.error == "its process left with exit code 78: it can't be trained"
    assert_never_twice_at_once(diary)


@on_sqlite
def test_an_attempt_that_takes_too_long_is_ended(live: Jobs, place: tuple[str, str], diary: Path) -> None:
    def command(job: Job) -> list[str]:
        given = [*place, str(LEASE_S), str(diary), job.id, str(job.attempts)]
        return [sys.executable, "-m", "tests.jobs.child", *given]

    made = live.submit(wanted("endless"))
    worker = Worker(
        Leases(live.records, lease_s=LEASE_S, attempts=1), "w", command, diary.parent / "logs", most=1, grace_s=3.0,
        longest_s=2.0,
    )  # fmt: skip

    def stepped() -> bool:
        worker.step()
        return all_ended(live)

    assert not stepped()
    until(stepped)
    ended = live.get(made.id)
    assert (ended.status, ended.attempts) == ("failed", 1)
    assert ended.error == "it took longer than the 2 s that jobs.longest_s gives an attempt"


@on_sqlite
def test_a_running_job_is_cancelled(live: Jobs, start: Start, diary: Path) -> None:
    made = live.submit(wanted("endless"))
    start("w")
    until(lambda: works(diary, made, 1))
    until(lambda: (live.get(made.id).progress.current_epoch or 0) > 1)
    seen, child = live.get(made.id).progress, process_of(live, made)
    assert (seen.total_epochs, seen.text.partition(" ")[0]) == (10_000, "step")
    assert seen.max_rss_mb is not None and seen.cpu_seconds is not None and seen.max_rss_mb > 1
    assert live.cancel(made.id).status == "running"
    until(lambda: live.get(made.id).status == "cancelled", 20)
    assert not Path(f"/proc/{child}").exists()


@on_sqlite
def test_a_stopped_worker_puts_its_job_back_and_it_goes_on(live: Jobs, start: Start, diary: Path) -> None:
    made = live.submit(wanted("long"))
    first = start("first")
    until(lambda: works(diary, made, 1))
    first.terminate()
    assert first.wait(20) == 0
    back = live.get(made.id)
    assert (back.status, back.excused, back.error) == ("queued", 1, "")
    start("second")
    until(lambda: all_ended(live))
    assert (live.get(made.id).status, live.get(made.id).attempts) == ("succeeded", 2)
    assert_never_twice_at_once(diary)


def test_a_process_that_stood_still_too_long_finds_its_job_gone(live: Jobs, start: Start, diary: Path) -> None:
    """It is stopped, loses its lease, and another worker does the job; what lingers of it is ended first."""
    made = live.submit(wanted("long"))
    first = start("first")
    until(lambda: works(diary, made, 1))
    child = process_of(live, made)
    first.send_signal(signal.SIGSTOP)
    os.kill(child, signal.SIGSTOP)
    start("second")
    until(lambda: works(diary, made, 2))
    first.send_signal(signal.SIGCONT)
    until(lambda: all_ended(live))
    assert (live.get(made.id).status, live.get(made.id).version) == ("succeeded", "long_2")
    until(lambda: not Path(f"/proc/{child}").exists(), 20)
    assert_never_twice_at_once(diary)


@on_sqlite
def test_two_workers_share_many_jobs(live: Jobs, start: Start, diary: Path) -> None:
    batch = live.submit(wanted(*(f"m{k}" for k in range(6)), max_concurrent=3))
    start("a"), start("b")
    until(lambda: all_ended(live))
    assert live.get(batch.id).status == "succeeded"
    lines = [line.split() for line in diary.read_text().splitlines()]
    assert {line[0] for line in lines} == set(batch.children)
    spans = {job: [float(line[3]) for line in lines if line[0] == job] for job in batch.children}
    begins = sorted((times[0], 1) for times in spans.values())
    ends = sorted((times[-1] + PAUSE_S, -1) for times in spans.values())
    running = most = 0
    for _, change in sorted(begins + ends):
        running += change
        most = max(most, running)
    assert most <= 3
    assert_never_twice_at_once(diary)


def test_notes_in_the_wrong_order_would_be_found(diary: Path) -> None:
    diary.write_text("j 1 10 1.0\nj 2 11 1.1\nj 1 10 1.2\n")
    assert any(a > b for a, b in pairwise([1, 2, 1]))
    with pytest.raises(AssertionError, match=r"j: \[1, 2, 1\]"):
        assert_never_twice_at_once(diary)
