"""A few faults, drawn with a fixed seed and planted: the laws kill each. `run` tries them all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.mutations.run import sampled
from tests.mutations.trial import ROOT, Verdict, groups_of, try_fault

COUNT, SEED, WORKERS = 4, 13, 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_laws_kill_a_sample_of_faults() -> None:
    faults = sampled(COUNT, SEED)
    groups = [groups_of(fault) for fault in faults]
    with ThreadPoolExecutor(WORKERS) as pool:
        trials = list(pool.map(partial(try_fault, ROOT), faults, groups))
    left = [(fault, trial) for fault, trial in zip(faults, trials) if trial.verdict is not Verdict.KILLED]
    assert not left
