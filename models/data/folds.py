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

from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.config import TrainingConfig, WalkForward
from models.data.dataset import Dataset, TrainingRefused
from models.mapped import column
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


def folds_of(dataset: Dataset, config: TrainingConfig) -> Folds:
    """Return the folds in order of time. Raises TrainingRefused where the history doesn't hold one."""
    reach = _Reach(dataset, config.primary)
    if config.walk is None:
        folds = Folds(reach, [_single_split(reach.times, config)])
        _refuse_thin(folds[0], dataset, None)
        return folds
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
    cuts = []
    for number, start in enumerate(starts):
        begin = 0 if walk.growing else start
        edges = [begin, start + walk.train, start + walk.train + walk.validation // 2,
                 start + walk.train + walk.validation, start + walk.train + walk.validation + walk.step]  # fmt: skip
        refit = number % walk.refit_every == 0 or start == starts[-1]
        cuts.append(Cut(edges, walk.embargo, number, refit))
    folds = Folds(reach, cuts)
    for fold in folds:
        _refuse_thin(fold, dataset, walk)
    return folds


class Cut(NamedTuple):
    """Where a fold lies: four slices between five places among the bar times."""

    edges: list[int]
    embargo: int
    number: int
    refit: bool


class Folds(Sequence[Fold]):
    """Folds whose rows are looked up when one is asked for: as a fit slice grows, all of them would not fit memory."""

    def __init__(self, reach: _Reach, cuts: Sequence[Cut]) -> None:
        """Use `folds_of`."""
        self._reach, self.cuts = reach, cuts

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.cuts)

    @overload
    def __getitem__(self, k: int) -> Fold: ...
    @overload
    def __getitem__(self, k: slice) -> Folds: ...
    def __getitem__(self, k: int | slice) -> Fold | Folds:
        """Return a fold, or some of them."""
        if isinstance(k, slice):
            return Folds(self._reach, self.cuts[k])
        return self._reach.fold(self.cuts[k])

    def refitted_first(self) -> Folds:
        """Return them with the first one's nets fitted, whatever its turn is."""
        return Folds(self._reach, [self.cuts[0]._replace(refit=True), *self.cuts[1:]])


def _single_split(times: Int64, config: TrainingConfig) -> Cut:
    """Cut the whole history once by `config.shares` of its labelled bar times."""
    shares = np.array(config.shares)
    if not (0.5 <= shares[0] / shares.sum() <= 0.9 and 0.05 <= shares[1:3].sum() / shares.sum() <= 0.3):
        raise TrainingRefused(
            f"training: shares {config.shares} of fit, stop, calibrate and test; expected 0.5 to 0.9 of the history to "
            "fit on and 0.05 to 0.3 for stop and calibrate together (train.shares)"
        )
    edges = [0, *(int(edge) for edge in np.rint(np.cumsum(shares) / shares.sum() * len(times)))]
    return Cut(edges, config.embargo, 0, True)


class _Reach:
    """How far a row's labels look, by its place in its series."""

    def __init__(self, dataset: Dataset, primary: int) -> None:
        self._dataset, self._primary = dataset, primary
        self.usable = dataset.eligible & np.isfinite(column(dataset.returns, primary - 1))
        self.times: Int64 = np.unique(dataset.time[self.usable])
        self._primary_end = label_ends(dataset, primary)

    def rows(self, first: int, last: int, end: int) -> Rows:
        """Return usable rows of first <= time < last whose label at the served horizon ends by `end`."""
        begin, behind = np.searchsorted(self._dataset.time, (first, last)).tolist()
        part = slice(begin, behind)
        rows: Rows = begin + np.flatnonzero(self.usable[part] & (self._primary_end[part] <= end))
        return rows

    def fold(self, cut: Cut) -> Fold:
        """Return the rows of a fold."""
        times, edges = self.times, cut.edges
        parts, ends = [], []
        for k in range(4):
            begin = min(edges[k] + (cut.embargo if k else 0), len(times) - 1)
            end = int(times[edges[k + 1]]) if edges[k + 1] < len(times) else _FOREVER - 1
            parts.append(self.rows(int(times[begin]), end, end if k < 3 else _FOREVER - 1))
            ends.append(end if k < 3 else _FOREVER - 1)
        fit, stop, calibrate, test = parts
        return Fold(fit, stop, calibrate, test, (ends[0], ends[1], ends[2], ends[3]), cut.number, cut.refit)


def label_ends(dataset: Dataset, horizon: int) -> Int64:
    """Return when the bar lies (ns UTC) that the label at a horizon looks at, of each row; forever where none is."""
    order = np.argsort(dataset.symbol, kind="stable")
    ends = np.full(len(order), _FOREVER, np.int64)
    here, there = order[:-horizon], order[horizon:]
    same = dataset.symbol[here] == dataset.symbol[there]
    ends[here[same]] = dataset.time[there[same]]
    return ends


class MaskedLabels:
    """The labels of rows with those undone, at any horizon, that look behind their slice's end.

    Rows outside the fold have none.
    """

    def __init__(self, dataset: Dataset, fold: Fold) -> None:
        self._dataset = dataset
        self._order = np.argsort(dataset.symbol, kind="stable")  # series by series
        self._place = np.empty(len(self._order), np.int64)
        self._place[self._order] = np.arange(len(self._order))
        self._end = np.full(len(self._order), np.iinfo(np.int64).min)  # ns UTC that no label of the row looks behind
        for rows, end in zip(fold[:4], fold.ends):
            self._end[rows] = end

    def __call__(self, part: slice) -> NDArray[np.float32]:
        """Return the labels (rows of the part, H)."""
        data = self._dataset
        out = np.full((part.stop - part.start, data.horizons), np.nan, np.float32)
        _mask(part.start, self._order, self._place, data.symbol, data.time, self._end, data.returns, out)
        return out


@njit(cache=True)
def _mask(first, order, place, symbol, time, end, returns, out) -> None:  # type: ignore[no-untyped-def]
    for k in range(len(out)):
        i = first + k
        for h in range(out.shape[1]):
            a = place[i] + h + 1
            if a >= len(order) or symbol[order[a]] != symbol[i] or time[order[a]] > end[i]:
                break
            out[k, h] = returns[i, h]


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
