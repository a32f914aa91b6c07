"""The process beside a worker that explains predictions: begun when the service asks for one, gone when it is idle."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from typing import Final

from models.explain.cache import ExplanationFolder
from ops.log import logger

IDLE_S: Final = 60.0  # it keeps its models loaded for so long
_AGAIN_S: Final = 10.0  # between the end of one that failed and the next


class ExplainingChild:
    """Begins the process where something waits and none runs."""

    def __init__(self, folder: ExplanationFolder, command: Sequence[str]) -> None:
        """`command` answers what waits in `folder`, and ends when nothing has for a minute."""
        self._folder, self._command = folder, list(command)
        self._child: subprocess.Popen[bytes] | None = None
        self._not_before = 0.0

    def look(self) -> None:
        """Call it again and again."""
        if self._child is not None:
            if (code := self._child.poll()) is None:
                return
            self._child = None
            if code:
                logger("worker").warning("explaining ended; it is begun again", code=code, in_s=_AGAIN_S)
                self._not_before = time.monotonic() + _AGAIN_S
        if time.monotonic() >= self._not_before and self._folder.waiting():
            self._child = subprocess.Popen(self._command)

    def close(self) -> None:
        """End it."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            self._child.wait()
