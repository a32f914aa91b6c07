"""The report of a chaos run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ops.provenance import provenance

if TYPE_CHECKING:
    from tests.recovery.chaos import Outcome
    from tests.recovery.fuzz import Fuzzed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "chaos.md"
HEAD = """# Chaos

Made by `make chaos` (`python -m tests.recovery.chaos --kills 200 --seed N --write` over files, `python -m
tests.recovery.full --kills 200 --steps 200 --seed N --write` over Kafka, QuestDB and Redis); don't edit. A dataflow is
killed by SIGKILL at every named point of its life in random order, at random moments and twice between two checkpoints,
each life with other batch sizes; it resumes each time, and in the end a separate verifier looks. A kill that does not
happen, or a life without progress, fails the run.

Over files the verifier compares every row with those of an undisturbed run and with the input. Over Kafka the processes
of a dataflow are killed side by side while a market is published, one tick in a hundred later than the bound. The
verifier reads the topic itself, runs it undisturbed in one process of its own, and compares the certificate, every row
and key in QuestDB (none lost, none twice), the stream in Redis (each prediction once, no hole in a series), the latest
keys, and a plain loop over the trades. Random actions are publishing, kill -9, restarting and freezing servers, other
feature processes (`recovery rescale`), activating a model, and validating as above.
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


def fuzzed(outcome: Fuzzed) -> str:
    """Return what a fuzzed run came to, in Markdown."""
    done = "\n".join(f"| {what} | {n} |" for what, n in sorted(outcome.done.items()))
    faults = "\n".join(f"- {fault}" for fault in outcome.faults) or "None."
    return (
        f"{outcome.done.total()} actions, seed {outcome.seed}, {outcome.seconds:.0f} s. {outcome.started_again} times "
        f"a process left because a server was away (exit code 75) and was started again. The last validation compared "
        f"{outcome.compared:,} predictions with what the topic says.\n\n"
        f"| action | times |\n| --- | --- |\n{done}\n\nFaults found:\n\n{faults}\n"
    )


def write_fuzzed(outcome: Fuzzed) -> None:
    """Write the section of the fuzzed run."""
    _write("Random actions: Kafka, QuestDB, Redis; one or three feature processes", fuzzed(outcome))


def write(outcome: Outcome) -> None:
    """Write the outcome's section of docs/chaos.md; those of other rigs stay."""
    _write(outcome.rig, text(outcome))


def _write(title: str, body: str) -> None:
    before = PAGE.read_text(encoding="utf-8").split("\n## ")[1:] if PAGE.exists() else []
    sections = {section.partition("\n")[0]: section for section in before}
    sections[title] = f"{title}\n{provenance()}\n\n{body}"
    page = "".join(f"\n## {section.rstrip()}\n" for _, section in sorted(sections.items()))
    PAGE.write_text(HEAD + page, encoding="utf-8")
