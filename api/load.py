"""Load of the machine's processors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psutil

_LOOKING: Final = ThreadPoolExecutor(1, "load")  # psutil compares with the last look of the same thread


def cpu_percent() -> float:
    """Return the share of processor time that was used since the last call, of whichever thread; 0 at the first."""
    return _LOOKING.submit(psutil.cpu_percent).result()
