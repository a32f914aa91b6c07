"""A job's process without training: it keeps its lease, notes when it works in a file, and ends as its model says.

python -m tests.jobs.child URL NAMESPACE LEASE_S DIARY JOB FENCE
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from models.jobs.heart import Heart
from models.jobs.leases import LeaseLost, Leases
from models.jobs.opening import open_records
from models.jobs.place import this_process
from models.progress import Step

STEPS, PAUSE_S = 20, 0.1


def main(url: str, namespace: str, lease_s: str, diary: str, identity: str, fence: str) -> int:
    leases, attempt = Leases(open_records(url, namespace), lease_s=float(lease_s), back_off_s=0.1), int(fence)
    try:
        job = leases.begin(identity, attempt, this_process())
        assert job.task is not None
        with Heart(leases, job) as heart:
            steps = 10_000 if job.task.model == "endless" else STEPS if job.task.model == "long" else 2
            for k in range(steps):
                note(Path(diary), identity, attempt)
                heart.step(Step(f"step {k + 1}", k / steps, k + 1, steps, 1.0 / (k + 1), 2.0 / (k + 1)))
                time.sleep(PAUSE_S)
            if job.task.model == "leaves":
                print("undertone: it can't be trained")
                return 78
            if job.task.model == "dies" and attempt == 1:
                os.kill(os.getpid(), 9)
        leases.succeed(identity, attempt, f"{job.task.model}_{attempt}")
    except LeaseLost:
        return 70
    return 0


def note(diary: Path, identity: str, attempt: int) -> None:
    with diary.open("a") as file:
        file.write(f"{identity} {attempt} {os.getpid()} {time.time():.3f}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
