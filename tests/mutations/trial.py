"""Try a fault: in a copy of the checkout, with its compiled kernels, by the laws over the groups that it can reach."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from inspect import getmodule
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from dataflows.kernel_cache import sources_of_modules
from features import families
from features.catalogue import registered
from tests.mutations.fault import DoesNotFit, Fault, planted

ROOT = Path(__file__).resolve().parent.parent.parent
COPIED = ("schema", "features", "models", "dataflows", "ops", "tests")
LIMIT = 1_200  # seconds a trial
# Laws about one thing come before those that compare with an oracle, which would kill nearly all: so each gets its own.
LAWS = (
    "micro_batches", "symbols_apart", "past", "scale", "validity", "warm_up", "ties", "gaps", "dates", "missing_bars",
    "oracles", "wild_market", "long_run",
)  # fmt: skip
_FAILED = re.compile(r"^FAILED tests/\w+/test_(\w+)\.py::(\S+) - (.*)$", re.MULTILINE)


class Verdict(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    BADLY_PLANTED = "badly planted"  # it crashed where it should have broken a law


class Trial(NamedTuple):
    verdict: Verdict
    law: str = ""  # the first that failed
    found: str = ""  # what it said


def copy_checkout(source: Path, folder: Path) -> None:
    """Copy what the laws need, times of change and compiled kernels included."""
    for name in COPIED:
        shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy2(source / "pyproject.toml", folder)


@cache
def _groups_by_source() -> tuple[dict[Path, list[str]], dict[Path, list[str]]]:
    """Return the groups whose kernel a source has, and those whose kernel is made of it and others."""
    families.load()
    sources = sources_of_modules()
    own: dict[Path, list[str]] = {}
    reached: dict[Path, list[str]] = {}
    for group in registered():
        module = getmodule(group.update)
        own.setdefault(Path(str(getattr(module, "__file__", ""))), []).append(group.name)
        for path in sources.get(getattr(module, "__name__", ""), ()):
            reached.setdefault(path, []).append(group.name)
    return own, reached


def groups_of(fault: Fault) -> list[str]:
    """Return the groups that a fault's module has, or, where it has none, those whose kernels it reaches.

    Not for several threads: CPython 3.11 counts the depth of what `ast` parses for all threads together, and gives up.
    """
    own, reached = _groups_by_source()
    path = ROOT / fault.path
    if not (groups := own.get(path) or reached.get(path)):
        raise DoesNotFit(f"fault {fault.breaks!r}: no kernel of the catalogue reads {fault.path}")
    return groups


def run_laws(folder: Path, groups: Sequence[str]) -> Trial:
    """Run the laws over some groups in a process of their own, up to the first that fails."""
    files = [f"tests/{'features' if law == 'wild_market' else 'laws'}/test_{law}.py" for law in LAWS]
    command = [sys.executable, "-m", "pytest", *files, "-x", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider"]
    command += ["--timeout", str(LIMIT)]
    environment = {**os.environ, "LAWS_ONLY": ",".join(groups), "COLUMNS": "400", "UNDERTONE_FEATURES": ""}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return Trial(Verdict.BADLY_PLANTED, found=f"the laws took more than {LIMIT} s")
    if done.returncode == 0:
        return Trial(Verdict.SURVIVED)
    failed = _FAILED.search(done.stdout)
    if done.returncode != 1 or not failed:
        return Trial(Verdict.BADLY_PLANTED, found=(done.stdout + done.stderr)[-2_000:])
    law, test, message = failed.groups()
    if not message.startswith(("AssertionError", "assert")):
        return Trial(Verdict.BADLY_PLANTED, law, f"{test}: {message}")
    return Trial(Verdict.KILLED, law, f"{test}: {message.removeprefix('AssertionError: ')}")


def try_fault(base: Path, fault: Fault, groups: Sequence[str]) -> Trial:
    """Plant a fault in a copy of `base` and run the laws over groups that it reaches."""
    with TemporaryDirectory(prefix="fault-") as name:
        copy_checkout(base, Path(name))
        (Path(name) / fault.path).write_text(planted(base, fault))
        return run_laws(Path(name), groups)
