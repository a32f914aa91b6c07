"""The helper's life, seen from the flow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from dataflows.sinks.errors import StoreError, StoreMismatch, StoreUnavailable

_KINDS = {kind.exit_code: kind for kind in (StoreError, StoreUnavailable, StoreMismatch)}
_PATIENCE = 5.0  # seconds for it to end


class Helper:
    """A running `dataflows.sinks.questdb.helper`. It holds the writer's lock too, so that nobody takes it early."""

    def __init__(self, told: dict[str, Any], lock: int) -> None:
        """Start it with its configuration; it inherits the lock's file."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dataflows.sinks.questdb.helper"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[lock], start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )  # fmt: skip
        assert self._process.stdin is not None
        self._bell = self._process.stdin.fileno()
        os.write(self._bell, json.dumps(told).encode() + b"\n")
        os.set_blocking(self._bell, False)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def ring(self) -> None:
        """Say that there is something new; it takes no matter how many are said before it looks."""
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._bell, b"!")

    def check(self, failed: bool) -> None:
        """Raise what ended it, if it ended or says that it has to."""
        if not failed and self._process.poll() is None:
            return
        assert self._process.stdout is not None
        said = self._process.stdout.read()
        code = self._process.wait()
        if not said:
            raise StoreUnavailable(
                f"store: its writing process ended with {code} and didn't say why; what it had not written is in the "
                "spool: resume"
            )
        told = json.loads(said)
        raise _KINDS.get(told["exit_code"], StoreError)(told["error"])

    def stop(self) -> None:
        """End it: what isn't shipped stays in the spool. Never raises."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
