"""Scored news and social items as columns: what sentiment is made of."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from schema.ticks import Float64, Int32, Int64, UInt8

NEWS: Final = 0
SOCIAL: Final = 1
KINDS: Final = {"news": NEWS, "social": SOCIAL}


class Items(NamedTuple):
    """n items in order of event time, arrays of shape (n,). The number of items is `len(items.ts_event)`."""

    ts_event: Int64  # ns UTC, when it was published
    symbol: Int32  # the universe's id
    kind: UInt8  # NEWS or SOCIAL
    score: Float64  # -1 (bad) to 1 (good)


NO_ITEMS: Final = Items(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros(0))
