"""Runs the program as a user does: another process, its exit code, stdout and stderr."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def clean_environment(**more: str) -> dict[str, str]:
    """Return this process's environment without what would be read as a setting."""
    from ops.settings.layers import ALIASES, PREFIX, QUESTDB

    ours = {*ALIASES, *QUESTDB}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith(PREFIX)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def undertone(*arguments: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `undertone` in `folder`; without MLflow, whose database takes seconds to make, where nothing asks for it."""
    program = [sys.executable, "-c", "from ops.cli import main; main()", *arguments]
    return subprocess.run(
        program,
        cwd=folder,
        env=clean_environment(**{"UNDERTONE_TRACKING__URL": "json:", **environ}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
