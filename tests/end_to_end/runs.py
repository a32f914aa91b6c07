"""Run `undertone` as a user does: in a process of its own."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ops.commands import clean_environment as environment

TIMEFRAMES = "1s,10s,tick:50"
MAIN = "from ops.cli import main; main()"
LIVE_SETTINGS = """
[source]
url = "synthetic:"
symbols = 4
[bars]
timeframes = ["1s"]
[features]
families = ["calendar"]
[inference]
model = "none"
[checkpoint]
every_s = 0.1
[metrics]
port = 0
"""  # of a small live run whose checkpoints come quickly


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", MAIN, *map(str, arguments)]


def undertone(*arguments: str | Path, folder: Path, **environ: str) -> dict[str, Any]:
    """Run to the end in `folder` and return the JSON object it prints."""
    done = subprocess.run(
        command(*arguments, "--json"), cwd=folder, env=environment(**environ), capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def stored(path: Path, table: str, namespace: str = "replay") -> list[tuple[Any, ...]]:
    """All rows of a table without the wall-clock columns, in order."""
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({namespace}__{table})")]
        clocks = {"received", "closed", "features_ready", "inference_started", "inference_done", "enqueued"}
        chosen = ", ".join(f'"{column}"' for column in columns if column not in clocks)
        return connection.execute(f"SELECT {chosen} FROM {namespace}__{table} ORDER BY 1, 2, 3, 4, 5").fetchall()


def adds_up(report: dict[str, Any]) -> bool:
    """read = used + late + dead."""
    return bool(
        report["ticks_read"] == report["ticks_used"] + report["ticks_late"] + sum(report["ticks_dead"].values())
    )
