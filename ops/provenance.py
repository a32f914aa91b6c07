"""Where a figure in a page comes from: commit, day, machine and how busy it was."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def provenance() -> str:
    """Return one line of Markdown for a page that people keep."""
    load = os.getloadavg()[0]
    return (
        f"Commit `{_commit()}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_processor()}, {os.cpu_count()} cores (one "
        f"used), Python {platform.python_version()}, load average {load:.1f} when it ended."
    )


def write_page(path: Path, title: str, parts: list[str]) -> None:
    """Write a page of Markdown, making its folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([f"# {title}", *parts]) + "\n", encoding="utf-8")


def markdown_table(head: dict[str, str], rows: list[list[object]]) -> str:
    """Return a table; `head` maps each column's title to its alignment (`---` or `---:`)."""
    lines = [list(head), list(head.values()), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("|", "\\|")


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return asked.stdout.strip() if asked.returncode == 0 else "unknown"


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    for line in described.read_text(encoding="utf-8").splitlines() if described.exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
