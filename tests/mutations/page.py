"""docs/mutations.md: which faults are planted, what each breaks, and which law killed it when all were last tried."""

from __future__ import annotations

from collections.abc import Sequence

from tests.mutations.fault import Fault
from tests.mutations.trial import LAWS, ROOT, Trial

PAGE = ROOT / "docs" / "mutations.md"
_HEAD = """# Mutations

Made from `tests/mutations/` by `python -m tests.mutations.run --write`; don't edit.

Each row is a fault planted in a real kernel. The laws of `tests/laws/` are run over the groups that it reaches, in this
order, up to the first that fails: {laws}.
That one is named; laws about one thing come first, the comparison with the oracles last. All {count} were killed.
`tests/mutations/test_sample.py` tries some of them in every run of the tests.

| file | kind | what it breaks | killed by |
| --- | --- | --- | --- |
"""


def first_cells(fault: Fault) -> str:
    """Return a row's cells that come from the fault alone."""
    return f"| `{fault.path}` | {fault.kind} | {fault.breaks} |"


def written(faults: Sequence[Fault], trials: Sequence[Trial]) -> str:
    """Return the page."""
    rows = [f"{first_cells(fault)} {trial.law or trial.verdict} |" for fault, trial in zip(faults, trials)]
    return _HEAD.format(laws=", ".join(LAWS), count=len(faults)) + "\n".join(rows) + "\n"


def listed(page: str) -> list[str]:
    """Return the first cells of a page's rows."""
    return [line[: line.rindex("|", 0, -1) + 1] for line in page.splitlines() if line.startswith("| `")]
