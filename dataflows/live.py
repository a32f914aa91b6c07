"""`python -m bytewax.run dataflows.live:flow`: the dataflow under Bytewax, by the settings of this folder.

`UNDERTONE_SOURCE` names what is read: files of ticks separated by commas, or `synthetic:` for the built-in market.
"""

from __future__ import annotations

import atexit
import os
from pathlib import Path

from dataflows.assembly import Flow, assemble
from dataflows.engine import dataflow
from dataflows.interfaces import Source
from ops.settings import load

SOURCE = "UNDERTONE_SOURCE"


def open_source(text: str, lanes: int) -> Source:
    """Open files separated by commas, or the synthetic market.

    Raises ValueError where nothing is named.
    """
    if text == "synthetic:":
        from dataflows.sources.synthetic import SyntheticMarket

        return SyntheticMarket()
    paths = [Path(part) for part in text.split(",") if part]
    if not paths:
        raise ValueError(f"environment {SOURCE} is empty, expected files of ticks separated by commas, or synthetic:")
    from dataflows.sources.files import FileSource

    return FileSource(paths, lanes=lanes)
