"""Where training, stopping, calibrating and testing lie in time: one split, or one a fold of a walk forward.

A fold, in bar times pooled over symbols:

    |------ train: 500 ------|- validation: 100 -|- test: 50 -|
    |          fit           |  stop | calibrate |    test    |      the next fold lies 50 later

Only the fit slice grows with the folds (`growing`); the others move along. Nothing is ever shuffled across time.

Purged: a label that ends behind its slice's end is none (of the test slice, with which a fold ends, all count), and a
row whose label at the served horizon is none is in no slice. Embargoed: nor is one of the first `embargo` bar times
behind a boundary. So no label of one slice looks into another, no row is in two, and every row of a test slice lies
behind all that its model was fitted, stopped and calibrated on. Test slices of a walk forward follow each other
without overlap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.config import TrainingConfig, WalkForward
from models.dataset import Dataset, TrainingRefused
from schema.ticks import Int64

Rows = NDArray[np.intp]
SLICES = ("fit", "stop", "calibrate", "test")
_FOREVER = np.iinfo(np.int64).max


class Fold(NamedTuple):
    """Rows (indices, in stream order) of four slices disjoint in time, and where each one's labels must end."""

    fit: Rows
    stop: Rows
    calibrate: Rows
    test: Rows
    ends: tuple[int, int, int, int]  # ns UTC: no label of the slice looks behind it
    number: int = 0
    refit: bool = True  # nets are fitted anew; else those of the fold before serve on

    def slices(self) -> dict[str, Rows]:
        """Return the rows of each slice by name."""
        return dict(zip(SLICES, self[:4]))


def folds_of(dataset: Dataset, config: TrainingConfig) -> list[Fold]:
    """Return the folds in order of time. Raises TrainingRefused where the history doesn't hold one."""
    reach = _Reach(dataset, config.primary)
    if config.walk is None:
        return [single_split(dataset, reach.times, config, reach)]
    walk, times = config.walk, reach.times
    room = len(times) - walk.train - walk.validation - walk.step
    if room < 0:
        raise TrainingRefused(
            f"training set: {len(times)} labelled bar times of {dataset.timeframe.name}, expected at least "
            f"{walk.train} + {walk.validation} + {walk.step} (train.train_bars, train.validation_bars, "
            "train.step_bars); give a longer history or a finer timeframe, or make these smaller"
        )
    first, last = room % walk.step, room  # the newest bar times are always tested
    starts = list(range(first, last + 1, walk.step))[-walk.folds or None :]
    folds = []
    for number, start in enumerate(starts):
        begin = 0 if walk.growing else start
        edges = [begin, start + walk.train, start + walk.train + walk.validation // 2,
                 start + walk.train + walk.validation, start + walk.train + walk.validation + walk.step]  # fmt: skip
        refit = number % walk.refit_every == 0 or start == starts[-1]
        folds.append(_cut(times, edges, walk.embargo, reach, number, refit))
    for fold in folds:
        _refuse_thin(fold, dataset, walk)
    return folds


def single_split(dataset: Dataset, times: Int64, config: TrainingConfig, reach: _Reach) -> Fold:
    """Cut the whole history once by `config.shares` of its labelled bar times."""
    shares = np.array(config.shares)
    if not (0.5 <= shares[0] / shares.sum() <= 0.9 and 0.05 <= shares[1:3].sum() / shares.sum() <= 0.3):
        raise TrainingRefused(
            f"training: shares {config.shares} of fit, stop, calibrate and test; expected 0.5 to 0.9 of the history to "
            "fit on and 0.05 to 0.3 for stop and calibrate together (train.shares)"
        )
    edges = [0, *(int(edge) for edge in np.rint(np.cumsum(shares) / shares.sum() * len(times)))]
    fold = _cut(times, edges, config.embargo, reach, 0, True)
    _refuse_thin(fold, dataset, None)
    return fold


class _Reach:
    """How far a row's labels look, by its place in its series."""

    def __init__(self, dataset: Dataset, primary: int) -> None:
        self._dataset, self._primary = dataset, primary
        self.usable = dataset.eligible & np.isfinite(dataset.returns[:, primary - 1])
        self.times: Int64 = np.unique(dataset.time[self.usable])
        self._primary_end = label_ends(dataset, primary)

    def rows(self, first: int, last: int, end: int) -> Rows:
        """Return usable rows of first <= time < last whose label at the served horizon ends by `end`."""
        time = self._dataset.time
        return np.flatnonzero(self.usable & (time >= first) & (time < last) & (self._primary_end <= end))


def label_ends(dataset: Dataset, horizon: int, order: Int64 | None = None) -> Int64:
    """Return when the bar lies (ns UTC) that the label at a horizon looks at, of each row; forever where none is.

    `order` are the rows series by series, where they are known.
    """
    order = np.argsort(dataset.symbol, kind="stable") if order is None else order
    ends = np.full(len(order), _FOREVER, np.int64)
    here, there = order[:-horizon], order[horizon:]
    same = dataset.symbol[here] == dataset.symbol[there]
    ends[here[same]] = dataset.time[there[same]]
    return ends


def masked_labels(dataset: Dataset, fold: Fold) -> NDArray[np.float32]:
    """Return the labels (n, H) with those undone, at any horizon, that look behind their slice's end.

    Rows outside the fold have none.
    """
    out = np.full_like(dataset.returns, np.nan)
    order = np.argsort(dataset.symbol, kind="stable")
    for horizon in range(1, dataset.horizons + 1):
        ends = label_ends(dataset, horizon, order)
        for rows, end in zip(fold[:4], fold.ends):
            there = rows[ends[rows] <= end]
            out[there, horizon - 1] = dataset.returns[there, horizon - 1]
    return out


def _cut(times: Int64, edges: list[int], embargo: int, reach: _Reach, number: int, refit: bool) -> Fold:
    """Cut at places among the bar times: four slices between five edges."""
    parts, ends = [], []
    for k in range(4):
        begin = min(edges[k] + (embargo if k else 0), len(times) - 1)
        end = int(times[edges[k + 1]]) if edges[k + 1] < len(times) else _FOREVER - 1
        parts.append(reach.rows(int(times[begin]), end, end if k < 3 else _FOREVER - 1))
        ends.append(end if k < 3 else _FOREVER - 1)
    fit, stop, calibrate, test = parts
    return Fold(fit, stop, calibrate, test, (ends[0], ends[1], ends[2], ends[3]), number, refit)


def _refuse_thin(fold: Fold, dataset: Dataset, walk: WalkForward | None) -> None:
    least = (500, 100, 100, 100) if walk is None else (100, 20, 20, 1)
    counts = [len(rows) for rows in fold[:4]]
    if any(count < n for count, n in zip(counts, least)):
        what = "replay a longer history, more symbols or a finer timeframe"
        if walk is not None:
            what += ", or set train.train_bars and train.validation_bars higher"
        raise TrainingRefused(
            f"training set: {counts} labelled rows to fit, stop, calibrate and test of {len(dataset.time)} rows "
            f"({int(dataset.eligible.sum())} with all required columns), expected at least {list(least)}; {what}"
        )
