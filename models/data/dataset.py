"""A training set from replayed history: what live would have seen, with labels joined at event time plus horizon.

It lies in files, 4 bytes a feature and horizon and 46 a row, and is read through mappings (models.mapped), so that
history may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.config import SIGMA
from models.data.spools import Spools
from models.labels import Float32, labelled
from schema.bars import Bars, take_bars
from schema.features import FeatureRows
from schema.reasons import UNDEFINED_MASK
from schema.ticks import Bool, Float64, Int32, Int64
from schema.timeframes import Timeframe

HORIZONS: Final = 30


class TrainingRefused(ValueError):
    """What was given can't be trained on; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows of one timeframe in stream order, F columns, H horizons."""

    timeframe: Timeframe
    columns: tuple[str, ...]
    fingerprints: dict[str, str]  # of the columns
    required: tuple[str, ...]  # these gate a row; sigma's column is always among them
    time: Int64  # (n,) ns UTC of the close
    symbol: Int32  # (n,)
    values: Float32  # (n, F) NaN where undefined
    eligible: Bool  # (n,) all required columns are defined: live would predict from this row
    sigma: Float64  # (n,) log return per bar, NaN where undefined
    price: Float64  # (n,) reference price on the symbol's basis
    returns: Float32  # (n, H) NaN where there is no label
    label_end: Int64  # (n,) ns UTC of the last bar a label of this row looks at
    past: Float32  # (n,) log return from the bar before
    trade_price: Bool  # (n,) the reference is a trade price: there was no quote

    @property
    def horizons(self) -> int:
        """H."""
        return int(self.returns.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays, in memory or in files."""
        arrays = (self.time, self.symbol, self.values, self.eligible, self.sigma, self.price, self.returns,
                  self.label_end, self.past, self.trade_price)  # fmt: skip
        return sum(array.nbytes for array in arrays)


class DatasetBuilder:
    """Collects the rows of one timeframe from replayed batches.

    `names` are the columns of the feature rows in their order, `fingerprints` theirs by name, `index` is the
    timeframe's place among the configured ones, `columns` the inputs to offer (all if None), `folder` where the files
    lie, which go with the set (None: where the system keeps temporary ones).
    Raises TrainingRefused where a column is not there.
    """

    def __init__(
        self,
        names: Sequence[str],
        fingerprints: Mapping[str, str],
        timeframe: Timeframe,
        index: int,
        *,
        horizons: int = HORIZONS,
        columns: Sequence[str] | None = None,
        required: Sequence[str] = (),
        folder: Path | None = None,
    ) -> None:
        self._timeframe, self._index, self._horizons = timeframe, index, horizons
        self._required = tuple(dict.fromkeys((SIGMA, *required)))
        chosen = tuple(dict.fromkeys((*(names if columns is None else columns), *self._required)))
        place = {name: k for k, name in enumerate(names)}
        if missing := [name for name in chosen if name not in place]:
            raise TrainingRefused(
                f"training set: feature columns {missing} are not in the rows, which have {list(names)}; "
                "load the families that hold them, or leave them out"
            )
        self._columns = chosen
        self._fingerprints = {name: fingerprints[name] for name in chosen}
        self._take = np.array([place[name] for name in chosen])
        self._spools = Spools(len(chosen), folder)

    def add(self, bars: Bars, rows: FeatureRows) -> None:
        """Take the rows of one replayed batch, in stream order."""
        mine = np.flatnonzero(bars.timeframe == self._index)
        if not len(mine):
            return
        cells = np.ix_(mine, self._take)
        values = np.where(rows.why[cells] & UNDEFINED_MASK, np.nan, rows.values[cells])
        gates = [self._columns.index(name) for name in self._required]
        with np.errstate(over="ignore"):  # what float32 can't hold is infinite there, as it is in service, and clipped
            narrow = values.astype(np.float32)
        self._spools.append(
            labelled(take_bars(bars, mine)), narrow, np.asarray(np.isfinite(narrow[:, gates]).all(axis=1), np.bool_),
            values[:, self._columns.index(SIGMA)],
        )  # fmt: skip

    def finish(self) -> Dataset:
        """Label the rows. Raises TrainingRefused where there are none."""
        if not self._spools.rows:
            raise TrainingRefused(
                f"training set: the history has no bar of timeframe {self._timeframe.name}; "
                "replay more of it, or name a timeframe that it was run with"
            )
        parts = self._spools.label(self._horizons, self._timeframe)
        return Dataset(self._timeframe, self._columns, self._fingerprints, self._required, **parts)


def build_dataset(history: Iterable[tuple[Bars, FeatureRows]], builder: DatasetBuilder) -> Dataset:
    """Feed a whole replayed history into a builder and finish it."""
    for bars, rows in history:
        builder.add(bars, rows)
    return builder.finish()
