"""Which answers are served, where a champion and challengers spoke of the same rows, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

import numpy as np

from models.serving.lineup import Lineup, Runner
from schema.predictions import Predictions
from schema.ticks import Bool, Float64, Int32, Int64

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


def in_order(served: Sequence[Predictions]) -> list[Predictions]:
    """Return served predictions by bar time, then timeframe, then who speaks: the order that output sequences number.

    It must not depend on how many bar times a batch holds. Predictions are cut only where others come in between.
    """
    if len(served) < 2 or all(_ends(before) <= _begins(after) for before, after in pairwise(served)):
        return list(served)
    stretches = sorted(
        (int(p.time[begin]), int(p.timeframe[0]), speaker, begin, end)
        for speaker, p in enumerate(served)
        for begin, end in _of_one_time(p.time)
    )
    ordered = list[Predictions]()
    for speaker, together in groupby(stretches, key=itemgetter(2)):
        p, rows = served[speaker], np.zeros(len(served[speaker].time), np.bool_)
        for *_, begin, end in together:
            rows[begin:end] = True
        ordered.append(p.part(rows, served=p.served, challenger=p.challenger))
    return ordered


def _begins(p: Predictions) -> tuple[int, int]:
    return int(p.time[0]), int(p.timeframe[0])


def _ends(p: Predictions) -> tuple[int, int]:
    return int(p.time[-1]), int(p.timeframe[0])


def _of_one_time(time: Int64) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each stretch of one bar time."""
    cuts = np.flatnonzero(time[1:] != time[:-1]) + 1
    return pairwise([0, *cuts.tolist(), len(time)])


def _part(p: Predictions, rows: Bool, *, served: bool = True, challenger: bool = False) -> list[Predictions]:
    """Return the rows of a mask (n,), nothing where it is empty."""
    if not rows.any():
        return []
    if served and not challenger and rows.all():
        return [p]  # as it was made
    return [p.part(rows, served=served, challenger=challenger)]
