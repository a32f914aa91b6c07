"""The report of a chaos run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ops.provenance import provenance

if TYPE_CHECKING:
    from tests.recovery.chaos import Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "chaos.md"
HEAD = """# Chaos

Made by `make chaos` (`python -m tests.recovery.chaos --kills 200 --seed N --write`); don't edit. A dataflow is killed
by SIGKILL at every named point of its life in random order, at random moments and twice between two checkpoints, each
life with other batch sizes; it resumes each time, and in the end a separate verifier compares every row it stored with
those of an undisturbed run and with the input itself. A kill that does not happen, or a life without progress, fails
the run.
"""


def text(outcome: Outcome) -> str:
    """Return the outcome in Markdown."""
    kills = "\n".join(f"| {point} | {n} |" for point, n in sorted(outcome.kills.items()))
    faults = (
        "\n".join(f"- {fault}" for fault in outcome.faults) or "None: no row lost, none twice, none with other bits."
    )
    return (
        f"{outcome.killed} kills in {outcome.rounds} dataflows, seed {outcome.seed}, "
        f"{outcome.seconds:.0f} s. In the killed lives {outcome.batches:,} batches were stepped and "
        f"{outcome.checkpoints:,} checkpoints counted.\n\n"
        f"| killed at | times |\n| --- | --- |\n{kills}\n\nFaults found:\n\n{faults}\n"
    )


def write(outcome: Outcome) -> None:
    """Write the outcome's section of docs/chaos.md; those of other rigs stay."""
    before = PAGE.read_text(encoding="utf-8").split("\n## ")[1:] if PAGE.exists() else []
    sections = {section.partition("\n")[0]: section for section in before}
    sections[outcome.rig] = f"{outcome.rig}\n{provenance()}\n\n{text(outcome)}"
    page = "".join(f"\n## {section.rstrip()}\n" for _, section in sorted(sections.items()))
    PAGE.write_text(HEAD + page, encoding="utf-8")
