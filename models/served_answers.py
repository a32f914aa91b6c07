"""Which of a timeframe's answers are served, where a champion and challengers spoke of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from models.lineup import Lineup, Runner
from schema.predictions import Predictions
from schema.ticks import Bool, Float64, Int32

_NO_ROWS: Final = np.zeros(0, np.int64)

# Lots of symbols: numbers in [0, 1) that say which of them a challenger speaks for.
Lots = Callable[[Int32], Float64]


def no_lots(symbol: Int32) -> Float64:
    """Give every symbol the lot 0."""
    return np.zeros(len(symbol))


def served_first(lineup: Lineup, made: Sequence[tuple[Runner, Predictions]], lots: Lots) -> list[Predictions]:
    """Return what is served, then what is only scored. What a model said while it burnt in is left out."""
    speak = [lineup.speaks(runner, p.time) for runner, p in made]
    office = np.concatenate([p.row[champion] for champion, (_, p) in zip(speak, made, strict=True)] or [_NO_ROWS])
    champions, drawing, scored, taken = list[Predictions](), list[Predictions](), list[Predictions](), _NO_ROWS
    for (runner, p), champion in zip(made, speak, strict=True):
        answers = runner.scored(p.time) & ~champion
        if runner.lots[0] < runner.lots[1] and len(office):
            drawn = answers & runner.draws(lots(p.symbol)) & np.isin(p.row, office) & ~np.isin(p.row, taken)
            drawing += _part(p, drawn, challenger=True)
            taken, answers = np.concatenate((taken, p.row[drawn])), answers & ~drawn
        scored += _part(p, answers, served=False, challenger=True)
    for (_, p), champion in zip(made, speak, strict=True):
        spoken = champion & ~np.isin(p.row, taken) if len(taken) else champion
        champions += _part(p, spoken)
        scored += _part(p, champion & ~spoken, served=False)
    return [*champions, *drawing, *scored]


def _part(p: Predictions, rows: Bool, *, served: bool = True, challenger: bool = False) -> list[Predictions]:
    """Return the rows of a mask (n,), nothing where it is empty."""
    if not rows.any():
        return []
    if served and not challenger and rows.all():
        return [p]  # as it was made
    return [p.part(rows, served=served, challenger=challenger)]
