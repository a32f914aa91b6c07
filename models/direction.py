"""The direction a prediction names: one rule, for models in the stream and for a caller's own threshold."""

from __future__ import annotations

from typing import Final

from schema.predictions import Direction

_BULLISH: Final = int(Direction.BULLISH)
_BEARISH: Final = int(Direction.BEARISH)
_NEUTRAL: Final = int(Direction.NEUTRAL)


def direction_of(down: float, sideways: float, up: float, confidence: float, threshold: float) -> int:
    """Return the number of a `Direction`; `models.classes` compiles it, the service calls it as it is.

    Neutral where sideways is likeliest, up and down are even, or the confidence, max(up, down) / (up + down), is below
    `threshold`.
    """
    if sideways >= max(up, down) or confidence < threshold or up == down:
        return _NEUTRAL
    return _BULLISH if up > down else _BEARISH
