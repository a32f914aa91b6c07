"""What the page shows."""

from __future__ import annotations

from api.answers import Answer
from api.answers.health import Run
from api.answers.predictions import AgedPrediction


class BoardRow(AgedPrediction):
    """A prediction with its series' recent prices."""

    prices: list[float]


class Board(Answer):
    """What the page shows."""

    timeframe: str | None
    timeframes: list[str]
    rows: list[BoardRow]
    left_out: int
    run: Run
