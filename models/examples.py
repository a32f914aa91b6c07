"""What a net is fitted to."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from schema.ticks import Bool, Int32


class Examples(NamedTuple):
    """n rows of several series in stream order."""

    x: Tensor  # (n, F) inputs
    y: Tensor  # (n, H) labels in their unit, NaN where there is none
    symbol: Int32  # (n,)
    eligible: Bool  # (n,) live would run the net on this row; on others its state or window stays as it is
