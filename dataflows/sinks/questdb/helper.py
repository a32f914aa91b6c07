"""The helper process: ships the spool to the server, and keeps what it can't ship safe on the disk.

Started by `QuestDbStore`, which writes its configuration as one line of JSON to the standard input, then a byte for
each record. When that input ends the flow is gone, and so is the helper, at once: the spool has everything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from dataflows.sinks.errors import StoreError
from dataflows.sinks.questdb.delivery import Delivery
from dataflows.sinks.questdb.probes import check_not_suspended
from dataflows.sinks.questdb.progress import Progress, State
from dataflows.sinks.questdb.ship import Shipper
from schema.questdb import questdb_address
from schema.stores import stored_name
from schema.tables import TABLES

_LOOK_S: Final = 0.05  # between two looks at whether the server is away
_SUSPENDED_S: Final = 5.0  # between two questions for suspended tables


def main() -> None:
    """Run until the standard input ends, or something fails that no patience mends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the flow drains first; then the input ends
    told = json.loads(sys.stdin.buffer.readline())
    bell = threading.Event()
    threading.Thread(target=_listen, args=(bell,), daemon=True).start()
    folder = Path(told["folder"])
    progress = Progress(folder / "progress")
    try:
        _work(told, folder, progress, bell)
    except BaseException as error:
        code = error.exit_code if isinstance(error, StoreError) else 1
        text = str(error) if isinstance(error, StoreError) else f"store {told['url']}: {type(error).__name__}: {error}"
        sys.stdout.write(json.dumps({"error": text, "exit_code": code}))
        sys.stdout.flush()
        progress.state = State.FAILED
        os._exit(1)


def _listen(bell: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        bell.set()
    os._exit(0)


def _work(told: dict[str, Any], folder: Path, progress: Progress, bell: threading.Event) -> None:
    address, namespace = questdb_address(told["url"]), told["namespace"]
    delivery = Delivery(
        folder, progress, Shipper(address, namespace, told["features"]), told["begin"], told["committed"]
    )
    threading.Thread(target=delivery.run, args=(bell,), daemon=True).start()
    names = {stored_name(name, namespace) for name in TABLES}
    asked = 0.0
    while True:
        time.sleep(_LOOK_S)
        now = time.monotonic()
        away = delivery.away(now)
        if away != (progress.state == State.AWAY):
            progress.since = int(time.time())
            progress.state = State.AWAY if away else State.UP
        if away:
            delivery.keep()
        elif now - asked > _SUSPENDED_S:
            asked = now
            check_not_suspended(address, names)
        if delivery.failure is not None:
            raise delivery.failure


if __name__ == "__main__":
    main()
