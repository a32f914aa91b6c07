"""Plant every fault and run the laws: `python -m tests.mutations.run [--sample N --seed S] [--workers 2] [--write]`.

First the laws must hold over all groups that the faults reach; then each fault is tried in a copy of the checkout. It
fails where a fault survives, crashes, or no longer fits its file. `--write` makes docs/mutations.md of what it found.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from tests.mutations.fault import DoesNotFit, Fault, planted
from tests.mutations.faults import FAULTS
from tests.mutations.page import PAGE, written
from tests.mutations.trial import ROOT, Trial, Verdict, copy_checkout, groups_of, run_laws, try_fault


def sampled(count: int, seed: int) -> tuple[Fault, ...]:
    """Draw some faults; the same seed draws the same ones of the same list."""
    return tuple(random.Random(seed).sample(FAULTS, min(count, len(FAULTS))))


def misfits(faults: Sequence[Fault]) -> list[str]:
    """Say which faults no longer fit their files."""
    found = []
    for fault in faults:
        try:
            planted(ROOT, fault)
        except DoesNotFit as error:
            found.append(str(error))
    return found


def hold_without_faults(base: Path, groups: Sequence[str], workers: int) -> bool:
    """Say whether the laws hold over the groups as they are; what is compiled stays in `base` for all trials."""
    with ThreadPoolExecutor(workers) as pool:
        parts = filter(None, (groups[at::workers] for at in range(workers)))
        trials = list(pool.map(lambda part: run_laws(base, part), parts))
    for trial in trials:
        if trial.verdict is not Verdict.SURVIVED:
            print(f"no fault planted, and the law {trial.law!r} fails: {trial.found}")
    return all(trial.verdict is Verdict.SURVIVED for trial in trials)


def try_all(base: Path, faults: Sequence[Fault], workers: int) -> list[Trial]:
    """Try the faults, printing a line for each."""

    def tried(fault: Fault, groups: Sequence[str]) -> Trial:
        began = monotonic()
        trial = try_fault(base, fault, groups)
        by = f" by {trial.law}" if trial.law else ""
        seconds = monotonic() - began
        print(f"{trial.verdict}{by}: {fault.path}: {fault.breaks} ({fault.kind}, {seconds:.0f} s)", flush=True)
        if trial.verdict is Verdict.BADLY_PLANTED:
            print(f"    {trial.found}", flush=True)
        return trial

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(tried, faults, [groups_of(fault) for fault in faults]))


def print_table(faults: Sequence[Fault], trials: Sequence[Trial]) -> None:
    verdicts = Counter(trial.verdict for trial in trials)
    laws = Counter(trial.law for trial in trials if trial.verdict is Verdict.KILLED)
    print("\n" + ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in Verdict) + f" of {len(faults)} faults")
    for law, count in laws.most_common():
        print(f"{count:5d} by {law}")
    for fault, trial in zip(faults, trials):
        if trial.verdict is not Verdict.KILLED:
            print(f"{trial.verdict}: {fault.path}: {fault.breaks}: {fault.old!r} became {fault.new!r}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.run", description=__doc__)
    parser.add_argument("--sample", type=int, metavar="N", help="try N faults drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--only", default="", metavar="TEXT", help="try the faults whose path or text has TEXT")
    parser.add_argument("--workers", type=int, default=2, help="faults tried at a time")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} (all faults must be tried)")
    options = parser.parse_args(arguments)
    faults = FAULTS if options.sample is None else sampled(options.sample, options.seed)
    faults = tuple(fault for fault in faults if options.only in f"{fault.path} {fault.breaks}")
    if options.write and len(faults) < len(FAULTS):
        parser.error("--write needs all faults: leave --sample and --only out")
    if found := misfits(faults):
        print("\n".join(found))
        return 1
    with TemporaryDirectory(prefix="laws-") as name:
        base = Path(name)
        copy_checkout(ROOT, base)
        groups = sorted({group for fault in faults for group in groups_of(fault)})
        print(f"{len(faults)} faults reach {len(groups)} groups; do the laws hold without them?", flush=True)
        if not hold_without_faults(base, groups, options.workers):
            return 1
        trials = try_all(base, faults, options.workers)
    print_table(faults, trials)
    if options.write:
        PAGE.write_text(written(faults, trials))
    return 0 if all(trial.verdict is Verdict.KILLED for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
