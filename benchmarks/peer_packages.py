"""The peers' packages: pinned in benchmarks/peers.lock, kept in var/peers, out of the way of everything else.

    python -m benchmarks.peer_packages    resolve benchmarks/peers.lock again, beside requirements.lock

They live with requirements.lock: the lock holds what they need and it has not. TA-Lib is in it already.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "benchmarks" / "peers.lock"
FOLDER: Final = ROOT / "var" / "peers"
HEAD: Final = "# The peers of benchmarks/peers.py and what requirements.lock has not of what they need.\n"
UV: Final = Path(sys.executable).with_name("uv")


def provide() -> None:
    """Install the peers into var/peers unless the lock's are there, and let imports find them behind all others."""
    stamp = FOLDER / "installed.lock"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        _uv("install", "--no-deps", "--require-hashes", "--target", str(FOLDER), "--python", sys.executable,
            "-r", str(LOCK))  # fmt: skip
        stamp.write_text(LOCK.read_text())
    sys.path.append(str(FOLDER))


def lock() -> None:
    """Write benchmarks/peers.lock."""
    found = _uv("compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header",
                "--no-annotate", "--no-emit-index-url", "--extra", "peers", "-c", "requirements.lock",
                "pyproject.toml")  # fmt: skip
    known = set(_packages((ROOT / "requirements.lock").read_text()))
    LOCK.write_text(HEAD + "".join(text for name, text in _packages(found).items() if name not in known))


def _packages(text: str) -> dict[str, str]:
    """Return each pinned package's lines, by its line without hashes' tail."""
    parts = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return {part.split(" \\")[0]: part for part in parts if "==" in part}


def _uv(*arguments: str) -> str:
    done = subprocess.run(
        [str(UV), "pip", *arguments, "--quiet"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"peers: uv pip {arguments[0]} failed, is the package index in reach?\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    lock()
