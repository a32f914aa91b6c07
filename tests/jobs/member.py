"""A worker in a process of its own, that a test may kill.

python -m tests.jobs.member NAME URL NAMESPACE LEASE_S DIARY
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.jobs.leases import Leases
from models.jobs.opening import open_records
from models.jobs.record import Job
from models.jobs.worker import Worker
from ops.drain import draining


def main(name: str, url: str, namespace: str, lease_s: str, diary: str) -> None:
    def command(job: Job) -> list[str]:
        given = [url, namespace, lease_s, diary, job.id, str(job.attempts)]
        return [sys.executable, "-m", "tests.jobs.child", *given]

    leases = Leases(open_records(url, namespace), lease_s=float(lease_s), back_off_s=0.1)
    worker = Worker(leases, name, command, Path(diary).parent / "logs", most=2, grace_s=3.0)
    with draining() as drain:
        worker.run(drain)


if __name__ == "__main__":
    main(*sys.argv[1:])
