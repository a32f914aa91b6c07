"""`undertone features compile`: nobody waits for a compiler later."""

from __future__ import annotations

import sys
import time

from dataflows.precompile import compile_all
from ops.errors import CommandFailed
from ops.settings import Settings
from ops.tables import print_json


def run(settings: Settings, *, json: bool) -> int:
    """Compile what is stale or missing and say how long it took."""
    began = time.monotonic()
    if not json and sys.stderr.isatty():
        print("compiling the feature kernels where they are stale (once a version) …", file=sys.stderr)
    try:
        compiled = compile_all()
    except RuntimeError as error:
        raise CommandFailed(str(error)) from None
    seconds = time.monotonic() - began
    if json:
        print_json({"compiled": compiled, "seconds": round(seconds, 1)})
    elif compiled:
        print(f"compiled in {seconds:.0f} s")
    return 0
