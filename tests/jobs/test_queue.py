"""The contract of jobs, on every store of records."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from models.jobs.jobs import HasEnded, Jobs, KeyTaken, NoSuchJob
from models.jobs.leases import LeaseLost, Leases
from models.jobs.opening import open_records
from models.jobs.place import this_process
from models.jobs.record import Process, Progress
from models.jobs.records import RecordsAway
from tests.jobs.conftest import Clock, wanted


def test_a_run_goes_through_its_states(jobs: Jobs, leases: Leases, clock: Clock) -> None:
    made = jobs.submit(wanted())
    assert (made.status, made.kind, made.attempts) == ("queued", "train", 0)
    job = leases.take("w")
    assert job is not None and job.id == made.id and leases.take("w") is None
    leases.begin(job.id, 1, this_process())
    leases.renew(job.id, 1, Progress(share=0.5, current_epoch=3, total_epochs=9, current_loss=1.5))
    seen = jobs.get(job.id)
    assert (seen.status, seen.progress.share, seen.progress.current_epoch) == ("running", 0.5, 3)
    clock.now += 5
    leases.succeed(job.id, 1, "gru_1")
    ended = jobs.get(job.id)
    assert (ended.status, ended.version, ended.ended, ended.progress.share) == ("succeeded", "gru_1", clock.now, 1.0)
    assert jobs.counts()["succeeded"] == 1


def test_higher_priorities_first_then_those_who_came_first(jobs: Jobs, leases: Leases) -> None:
    order = [jobs.submit(wanted(priority=p)).id for p in (0, 5, 0, 5, -1)]
    taken = [job.id for job in iter(lambda: leases.take("w"), None)]
    assert taken == [order[k] for k in (1, 3, 0, 2, 4)]


def test_a_batch_runs_no_more_at_once_than_it_may(jobs: Jobs, leases: Leases) -> None:
    batch = jobs.submit(wanted("a", "b", "c", max_concurrent=2))
    other = jobs.submit(wanted("z", priority=-5))
    first, second, third = (leases.take("w") for _ in range(3))
    assert first and second and third
    assert (first.parent, second.parent, third.id) == (batch.id, batch.id, other.id)
    assert leases.take("w") is None
    leases.succeed(first.id, 1, "v")
    last = leases.take("w")
    assert last is not None and last.parent == batch.id
    shown = jobs.get(batch.id)
    assert (shown.status, shown.progress.share) == ("running", pytest.approx(1 / 3))
    for job in (second, last):
        leases.succeed(job.id, 1, "v")
    assert (jobs.get(batch.id).status, jobs.get(batch.id).progress.share) == ("succeeded", 1.0)


def test_a_batch_with_a_failed_run_has_failed_and_says_why(jobs: Jobs, leases: Leases) -> None:
    batch = jobs.submit(wanted("a", "b"))
    for outcome in ("fail", "succeed"):
        job = leases.take("w")
        assert job is not None
        leases.fail(job.id, 1, "too few rows", again=False) if outcome == "fail" else leases.succeed(job.id, 1, "v")
    assert (jobs.get(batch.id).status, jobs.get(batch.id).error) == ("failed", "too few rows")


def test_a_key_makes_a_repeated_request_the_same_job(jobs: Jobs, leases: Leases) -> None:
    made = jobs.submit(wanted(key="k", digest="d"))
    job = leases.take("w")
    assert job is not None
    leases.fail(job.id, 1, "no", again=False)
    again = jobs.submit(wanted(key="k", digest="d"))
    assert (again.id, again.status) == (made.id, "failed")
    with pytest.raises(KeyTaken, match=f"for another request, which is job {made.id}"):
        jobs.submit(wanted(key="k", digest="other"))
    assert jobs.submit(wanted(key="l", digest="other")).id != made.id
    assert len(jobs.newest(10)) == 2


def test_an_attempt_that_broke_is_tried_again_later_and_not_for_ever(jobs: Jobs, leases: Leases, clock: Clock) -> None:
    made = jobs.submit(wanted())
    for attempt, wait in ((1, 10), (2, 20)):
        job = leases.take("w")
        assert job is not None and job.attempts == attempt
        leases.fail(job.id, attempt, "killed", again=True)
        clock.now += wait - 0.1
        assert leases.take("w") is None
        assert (jobs.get(made.id).status, jobs.get(made.id).error) == ("queued", "killed")
        clock.now += 0.2
    assert leases.take("w") is not None
    leases.fail(made.id, 3, "killed again", again=True)
    assert (jobs.get(made.id).status, jobs.get(made.id).error) == ("failed", "killed again")


def test_what_was_interrupted_in_good_order_is_not_held_against_it(jobs: Jobs, leases: Leases, clock: Clock) -> None:
    made = jobs.submit(wanted())
    for fence in range(1, 6):
        job = leases.take("w")
        assert job is not None and job.attempts == fence
        leases.release(made.id, fence)
    for fence in (6, 7, 8):
        assert leases.take("w") is not None
        leases.fail(made.id, fence, "killed", again=True)
        clock.now += 100
    assert jobs.get(made.id).status == "failed"


def test_a_lease_that_is_over_is_given_to_another_and_the_first_is_not_heard(
    jobs: Jobs, leases: Leases, clock: Clock
) -> None:
    made = jobs.submit(wanted())
    leases.take("slow")
    elsewhere = Process("another machine", 7, "then")
    leases.begin(made.id, 1, elsewhere)
    clock.now += 29
    assert leases.take("quick") is None
    leases.renew(made.id, 1, Progress())
    clock.now += 29
    assert leases.take("quick") is None, "it was renewed"
    clock.now += 2
    assert leases.take("quick") is None, "the back-off"
    clock.now += 10
    job = leases.take("quick")
    assert job is not None and job.lease is not None and (job.attempts, job.lease.before) == (2, elsewhere)
    for late in (
        lambda: leases.renew(made.id, 1, Progress(share=0.9)),
        lambda: leases.begin(made.id, 1, elsewhere),
        lambda: leases.succeed(made.id, 1, "of the first"),
    ):
        with pytest.raises(LeaseLost):
            late()
    leases.fail(made.id, 1, "of the first", again=False)
    leases.release(made.id, 1)
    now = jobs.get(made.id)
    assert (now.status, now.attempts, now.version, now.progress.share) == ("running", 2, "", 0.0)


def test_the_job_of_a_process_that_is_gone_does_not_wait_for_its_lease(
    jobs: Jobs, leases: Leases, clock: Clock
) -> None:
    made = jobs.submit(wanted())
    leases.take("w")
    mine = this_process()
    leases.begin(made.id, 1, mine)
    assert leases.take("w") is None and jobs.get(made.id).status == "running", "it is alive"
    leases.begin(made.id, 1, Process(mine.place, mine.pid, "born at another time"))
    assert leases.take("w") is None
    assert (jobs.get(made.id).status, jobs.get(made.id).not_before) == ("queued", clock.now + 10)


def test_cancelling(jobs: Jobs, leases: Leases, clock: Clock) -> None:
    waiting, running, finished = (jobs.submit(wanted(priority=p)).id for p in (0, 1, 2))
    for name in (finished, running):
        job = leases.take("w")
        assert job is not None and job.id == name
    leases.succeed(finished, 1, "v")
    assert jobs.cancel(waiting).status == "cancelled"
    assert (jobs.cancel(running).status, jobs.get(running).cancelling) == ("running", True)
    with pytest.raises(LeaseLost, match="is cancelled"):
        leases.renew(running, 1, Progress())
    leases.fail(running, 1, "ended by signal 15", again=True)
    assert jobs.get(running).status == "cancelled"
    assert jobs.cancel(running).status == "cancelled"
    with pytest.raises(HasEnded, match="has succeeded; there is nothing to cancel"):
        jobs.cancel(finished)
    with pytest.raises(NoSuchJob, match="'job_x' is unknown"):
        jobs.cancel("job_x")
    assert leases.take("w") is None


def test_a_cancelled_batch_ends_when_its_running_runs_have(jobs: Jobs, leases: Leases) -> None:
    batch = jobs.submit(wanted("a", "b", "c"))
    done, running = leases.take("w"), leases.take("w")
    assert done and running
    leases.succeed(done.id, 1, "v")
    seen = jobs.cancel(batch.id)
    assert (seen.status, seen.cancelling) == ("running", True)
    leases.fail(running.id, 1, "ended by signal 15", again=True)
    assert jobs.get(batch.id).status == "cancelled"
    assert [jobs.get(run).status for run in batch.children] == ["succeeded", "cancelled", "cancelled"]


def test_a_version_that_is_there_counts_though_the_job_was_to_be_cancelled(jobs: Jobs, leases: Leases) -> None:
    made = jobs.submit(wanted())
    leases.take("w")
    jobs.cancel(made.id)
    leases.succeed(made.id, 1, "v")
    assert (jobs.get(made.id).status, jobs.get(made.id).version) == ("succeeded", "v")


def test_what_changed_is_told_once_and_batches_with_their_runs(jobs: Jobs, leases: Leases) -> None:
    revision, found = jobs.changed(0)
    assert found == []
    batch = jobs.submit(wanted("a", "b"))
    revision, found = jobs.changed(revision)
    assert [job.id for job in found] == [batch.id, *batch.children]
    assert jobs.changed(revision) == (revision, [])
    run = leases.take("w")
    assert run is not None
    revision, _ = jobs.changed(revision)
    leases.renew(run.id, 1, Progress(share=0.5))
    revision, found = jobs.changed(revision)
    assert [(job.id, job.progress.share) for job in found] == [(batch.id, 0.25), (run.id, 0.5)]


def test_only_the_newest_ended_jobs_are_kept(jobs: Jobs, leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.jobs.jobs.KEPT", 3)
    stays = jobs.submit(wanted(priority=-1)).id
    made = [jobs.submit(wanted(key=f"k{k}")).id for k in range(5)]
    for name in made:
        leases.take("w")
        leases.succeed(name, 1, "v")
    last = jobs.submit(wanted()).id
    assert [job.id for job in jobs.newest(10)] == [last, *reversed(made[2:]), stays]
    assert jobs.submit(wanted(key="k0")).id not in made, "a key lives as long as its job"


def test_many_workers_never_get_the_same_run(place: tuple[str, str], jobs: Jobs) -> None:
    submitted = [jobs.submit(wanted()).id for _ in range(20)]
    taken: list[str] = []

    def work(name: str) -> None:
        records = open_records(*place)
        mine = Leases(records)
        for job in iter(lambda: mine.take(name), None):
            taken.append(job.id)
        records.close()

    threads = [threading.Thread(target=work, args=(f"w{k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(submitted)


def test_the_same_key_at_once_is_one_job(place: tuple[str, str]) -> None:
    made: list[str] = []

    def submit() -> None:
        records = open_records(*place)
        made.append(Jobs(records).submit(wanted(key="k", digest="d")).id)
        records.close()

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4 and len(set(made)) == 1


def test_records_survive_a_restart(place: tuple[str, str], jobs: Jobs) -> None:
    made = jobs.submit(wanted())
    again = open_records(*place)
    assert again.get(made.id) == made
    again.close()


def test_records_that_are_away_say_where(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RecordsAway, match=r"jobs\.db: file is not a database; check the file"):
        Jobs(open_records(f"sqlite:///{tmp_path}/jobs.db")).newest(1)
    with pytest.raises(RecordsAway, match=r"Redis at 127\.0\.0\.1:1/0: .*; start it, or set jobs\.url"):
        Jobs(open_records("redis://user:secret@127.0.0.1:1/0")).newest(1)


def test_a_process_may_take_its_time_to_begin_but_not_for_ever(jobs: Jobs, leases: Leases, clock: Clock) -> None:
    made = jobs.submit(wanted())
    leases.take("w")
    elsewhere = Process("another machine", 7, "then")
    leases.started(made.id, 1, elsewhere)
    clock.now += 100
    assert leases.take("other") is None and jobs.get(made.id).status == "running"
    clock.now += 21
    assert leases.take("other") is None and jobs.get(made.id).status == "queued"
    clock.now += 10
    job = leases.take("other")
    assert job is not None and job.lease is not None and job.lease.before == elsewhere
    with pytest.raises(LeaseLost):
        leases.started(made.id, 1, elsewhere)
