"""The ticks that a run stored (`store.ticks=true`), as a source: those it used, in the order in which it used them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from dataflows.batch import Arrivals
from dataflows.interfaces import EndOfInput, Snapshot
from dataflows.stored import Place
from schema.reasons import Verdict
from schema.ticks import KINDS, Int64, Ticks, count, ticks_of

COLUMNS: Final = (
    "time", "ts_recv", "kind", "price", "size", "bid", "bid_size", "ask", "ask_size", "side", "conditions", "symbol",
)  # fmt: skip
FLOATS: Final = ("price", "size", "bid", "bid_size", "ask", "ask_size")
_ORDER: Final = ("time", "source", "partition", "offset", "message_index")


def ticks_of_columns(columns: Mapping[str, Sequence[Any]], offset: Int64) -> tuple[Ticks, tuple[str, ...]]:
    """Return rows of the table `ticks`, given as columns, and the names that their symbols index; all on lane 0."""
    names = tuple(dict.fromkeys(columns["symbol"]))
    code = {name: k for k, name in enumerate(names)}
    ticks = ticks_of(
        len(offset),
        ts_event=columns["time"],
        ts_recv=columns["ts_recv"],
        symbol=[code[name] for name in columns["symbol"]],
        kind=[KINDS[kind] for kind in columns["kind"]],
        side=columns["side"],
        conditions=columns["conditions"],
        offset=offset,
        **{name: np.array(columns[name], np.float64) for name in FLOATS},
    )
    return ticks, names


class StoredTicks:
    """Read the used ticks of a namespace. Late and dead ones moved nothing, so they are left out.

    The venue's numbers and the lanes are left out too: what they decided is decided.
    """

    lanes: tuple[str, ...] = ("stored",)

    def __init__(self, place: Place, batch_size: int = 65_536) -> None:
        """Raise ValueError where the store or its table of ticks isn't there."""
        self.place, self.batch_size = place, batch_size
        place.columns("ticks")
        self._read = 0
        self._rows = self._from(0)

    def _from(self, row: int) -> Iterator[tuple[Any, ...]]:
        used = self.place.rows("ticks", list(COLUMNS), order=_ORDER, where=f"verdict = {int(Verdict.USED)}")
        return islice(used, row, None)

    def next_batch(self) -> Arrivals | None:
        """Return the next ticks. Raises EndOfInput after the last."""
        rows = list(islice(self._rows, self.batch_size))
        if not rows:
            raise EndOfInput
        columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
        ticks, names = ticks_of_columns(columns, np.arange(self._read, self._read + len(rows)))
        self._read += count(ticks)
        return Arrivals(ticks, names)

    def position(self) -> Snapshot:
        """Return how many ticks were read."""
        return {"row": self._read}

    def seek(self, position: Snapshot) -> None:
        """Continue behind so many ticks."""
        self._read = int(position["row"])
        self._rows = self._from(self._read)

    def origin(self, lane: np.ndarray, offset: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Name the store, and the row among its used ticks."""
        return [self.place.name] * len(lane), np.zeros(len(lane), np.int64), offset

    def close(self) -> None:
        """Forget the cursor."""
        self._rows = iter(())
