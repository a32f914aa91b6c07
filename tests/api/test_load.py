"""The load of the machine, whichever thread of the service is asked."""

from __future__ import annotations

import threading
import time

from api.load import cpu_percent


def test_threads_that_were_never_asked_before_see_the_load_as_well() -> None:
    cpu_percent()
    until, seen = time.monotonic() + 0.3, list[float]()
    while time.monotonic() < until:
        pass
    asking = threading.Thread(target=lambda: seen.append(cpu_percent()))
    asking.start()
    asking.join()
    assert 0 < seen[0] <= 100
