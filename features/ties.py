"""When two prices are equal.

Decimals come as the floats nearest to them, but a mid of two, or the move between two, carries roundings of its own:
the same mid of other quotes may differ in its last bit. A real move is far larger (0.01 at 60,000 is 1.7e-7).
"""

from __future__ import annotations

from typing import Final

TIE: Final = 1e-12  # of the price: moves of less are none
