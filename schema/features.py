"""Feature rows: what the engine hands to inference and to the sinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schema.ticks import Float64


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Features of n bars, row for row, F columns in the catalogue's order."""

    values: Float64  # (n, F), NaN exactly where `why & UNDEFINED_MASK`
    why: NDArray[np.uint8]  # (n, F) schema.reasons.Why
