"""The files of a training set while it grows: one a column of the rows' index, one for all features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from models.labels import Float32, Labelled, label_into
from models.mapped import Spool
from schema.ticks import Bool, Float64
from schema.timeframes import Timeframe

_INDEX: dict[str, type[np.generic]] = {
    "time": np.int64, "symbol": np.int32, "price": np.float64, "trade_price": np.bool_, "halted": np.bool_,
    "starts": np.bool_, "session_open": np.int64, "session_close": np.int64,
}  # fmt: skip


class Spools:
    """Rows of one timeframe in stream order, F columns."""

    def __init__(self, columns: int, folder: Path | None) -> None:
        """Begin empty files without a name in `folder` (None: where the system keeps temporary ones)."""
        self._folder, self.rows = folder, 0
        self._index = {name: Spool(kind, folder=folder) for name, kind in _INDEX.items()}
        self._values = Spool(np.float32, (columns,), folder=folder)
        self._eligible, self._sigma = Spool(np.bool_, folder=folder), Spool(np.float64, folder=folder)

    def append(self, index: Labelled, values: Float32, eligible: Bool, sigma: Float64) -> None:
        """Take n rows, the values (n, F)."""
        for name, spool in self._index.items():
            spool.append(getattr(index, name))
        self._values.append(values)
        self._eligible.append(eligible)
        self._sigma.append(sigma)
        self.rows += len(values)

    def label(self, horizons: int, timeframe: Timeframe) -> dict[str, Any]:
        """Return the arrays of a Dataset by name; nothing can be appended any more."""
        arrays: list[Any] = [spool.array() for spool in self._index.values()]
        index = Labelled(*arrays)
        returns = Spool(np.float32, (horizons,), folder=self._folder).reserve(self.rows)
        labels = label_into(returns, index, timeframe)
        return {
            "time": index.time, "symbol": index.symbol, "values": self._values.array(),
            "eligible": self._eligible.array(), "sigma": self._sigma.array(), "price": index.price,
            "returns": labels.returns, "label_end": labels.end, "past": labels.past, "trade_price": index.trade_price,
        }  # fmt: skip
