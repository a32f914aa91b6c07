"""What every method answers with: parts of one output, an input each, in units of the label."""

from __future__ import annotations

from typing import NamedTuple

from schema.ticks import Float64


class Attribution(NamedTuple):
    """Output of a member at one row: `base` and `parts` (inputs,) add up to it, to within the method's error."""

    method: str
    base: float
    parts: Float64  # (inputs,), those of all rows of a window together
    output: float
    fit: float | None = None
