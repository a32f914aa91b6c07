"""From the start of the process to the first prediction, with a warm compile cache and 1-minute bars."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import psutil


def main() -> None:
    """Replay until a prediction is there."""
    from benchmarks.setting import settings
    from dataflows.assembly.assemble import assemble
    from dataflows.batch import Batch
    from dataflows.sources.files import FileSource

    first: list[float] = []

    def on_batch(batch: Batch) -> None:
        if batch.predictions:
            first.append(time.time())
            flow.pipeline.draining = True

    day, models = Path(sys.argv[1]), Path(sys.argv[2])
    flow = assemble(settings("1m", models), FileSource([day]), on_batch=on_batch)
    flow.pipeline.run()
    flow.close()
    print(json.dumps({"seconds": first[0] - psutil.Process().create_time()}))


if __name__ == "__main__":
    main()
