"""Compile all feature kernels into the cache before anyone waits for them, on every core.

    python -m dataflows.precompile [SHARE OF]    one share of the groups; without arguments all, a process a core

A kernel is compiled for the layouts of the arrays it is called with, so each is called once, with what the stations
of a real flow hand over.
"""

from __future__ import annotations

import os
import subprocess
import sys

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.kernel_cache import forget_stale, is_complete, set_complete
from dataflows.sources.synthetic import SyntheticMarket
from features import families
from features.catalogue import registered
from features.engine import EVERY_FEED, FeatureEngine
from ops.settings import load

_SETTINGS = ("bars.timeframes=1s", "features.families=calendar", "store.url=null:", "bus.url=null:",
             "inference.model=none", "log.level=warning")  # fmt: skip


def compile_share(share: int, of: int) -> None:
    """Compile every `of`-th group from number `share` on."""
    families.load()
    engine = FeatureEngine(registered()[share::of], 1, (True,))
    flow: Flow = assemble(load([], list(_SETTINGS), {}, {}), SyntheticMarket(2, duration_s=20))

    def step(batch: Batch) -> None:
        engine.grow(len(flow.universe.names))
        if batch.tick_inputs is not None:
            engine.step(batch.tick_inputs, batch.bars, feed=EVERY_FEED)

    flow.pipeline.on_batch = step
    try:
        flow.pipeline.run()
    finally:
        flow.close()


def compile_all(processes: int | None = None) -> bool:
    """Compile what is stale or missing, in as many processes as there are cores; return whether anything was.

    Raises RuntimeError where a process failed, with what it said.
    """
    forget_stale()
    if is_complete():
        return False
    n = processes or len(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "dataflows.precompile"]
    running = [
        subprocess.Popen([*command, str(share), str(n)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for share in range(n)
    ]
    said = [process.communicate()[1].decode() for process in running]
    for process, errors in zip(running, said):
        if process.returncode != 0:
            raise RuntimeError(f"compiling the feature kernels failed:\n{errors[-2000:]}")
    set_complete()
    return True


if __name__ == "__main__":
    if len(sys.argv) == 3:
        compile_share(int(sys.argv[1]), int(sys.argv[2]))
    else:
        compile_all()
