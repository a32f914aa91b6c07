"""Rows of series laid out for a net with a step form: trained in pieces with carried state, evaluated as served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import StepNet
from models.data.examples import Examples
from models.labels import Float32
from models.mapped import settle
from schema.ticks import Bool, Int32

_CHUNK = 256  # rows between two calls of the net over whole series
NO_ROW = -1


class Pieces(NamedTuple):
    """P pieces of series, padded to a common length L."""

    row: NDArray[np.intp]  # (P, L) NO_ROW where padded
    counts: NDArray[np.bool_]  # (P, L) whether the row carries loss

    def share(self, k: int, n: int) -> Pieces:
        """Return every n-th piece from the k-th on; where there are too few, the first one without a loss."""
        if k >= len(self.row):
            return Pieces(self.row[:1], np.zeros_like(self.counts[:1]))
        return Pieces(self.row[k::n], self.counts[k::n])


class Streams:
    """Truncated back-propagation through time: `chunk` rows of all pieces at once, their states carried on."""

    def __init__(self, net: StepNet, examples: Examples, pieces: Pieces, chunk: int) -> None:
        self._net, self._examples, self._pieces, self._chunk = net, examples, pieces, chunk

    def __len__(self) -> int:
        """Return how many mini-batches a pass has."""
        return int(self._pieces.row.shape[1]) // self._chunk

    def losses(self, epoch: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the sum of losses and their number of each mini-batch, in the order of time in every epoch."""
        examples = self._examples
        state = self._net.start(len(self._pieces.row)).to(examples.device)
        for first in range(0, len(self) * self._chunk, self._chunk):
            rows = torch.from_numpy(np.maximum(self._pieces.row[:, first : first + self._chunk], 0))
            counts = torch.from_numpy(self._pieces.counts[:, first : first + self._chunk]).to(examples.device)
            heads, state = self._net(examples.inputs(rows), state)  # padded rows read row 0 and carry no loss
            state = state.detach()
            yield self._net.loss(heads, examples.labels(rows), counts)


def pieces_of(symbol: Int32, eligible: Bool, labelled: Bool, streams: int, burn_in: int, chunk: int) -> Pieces:
    """Cut the eligible rows of each series into about `streams` pieces whose length is a multiple of `chunk`.

    A piece begins with up to `burn_in` rows of the one before it, which carry no loss: it starts from a zero state
    where live would not. So does only what lies near a labelled row count.
    """
    sequences = [np.flatnonzero(eligible & (symbol == s)) for s in np.unique(symbol[labelled])]
    sequences = [_trim(rows, labelled, burn_in) for rows in sequences]
    length = max(-(-sum(map(len, sequences)) // streams), chunk)
    pieces = []
    for rows in sequences:
        for part in np.array_split(np.arange(len(rows)), -(-len(rows) // length)):
            first = max(part[0] - burn_in, 0)
            counts = labelled[rows[first : part[-1] + 1]].copy()
            counts[: part[0] - first] = False
            pieces.append((rows[first : part[-1] + 1], counts))
    longest = max(len(rows) for rows, _ in pieces)
    shape = (len(pieces), -(-longest // chunk) * chunk)
    row, mask = np.full(shape, NO_ROW, np.intp), np.zeros(shape, np.bool_)
    for k, (rows, counts) in enumerate(pieces):
        row[k, : len(rows)], mask[k, : len(rows)] = rows, counts
    return Pieces(row, mask)


def _trim(rows: NDArray[np.intp], labelled: Bool, burn_in: int) -> NDArray[np.intp]:
    at = np.flatnonzero(labelled[rows])
    return rows[max(at[0] - burn_in, 0) : at[-1] + 1]


@torch.inference_mode()
def evaluate_sequences(net: StepNet, x: Float32, symbol: Int32, eligible: Bool, rows: NDArray[np.intp]) -> Float32:
    """Run whole series from a zero state and return heads (m, H, 2) of m rows, NaN where one is not eligible.

    `x` holds the inputs (n, F) of all rows; the state passes rows that are not eligible unchanged, as it does live.
    """
    place = np.full(len(symbol), NO_ROW, np.intp)
    place[rows] = np.arange(len(rows))
    sequences = [np.flatnonzero(eligible & (symbol == s)) for s in np.unique(symbol[eligible])]
    row = np.full((len(sequences), max(map(len, sequences), default=0)), NO_ROW, np.intp)
    for k, series in enumerate(sequences):
        row[k, : len(series)] = series
    out, state = None, net.start(len(sequences))
    for first in range(0, row.shape[1], _CHUNK):
        part = row[:, first : first + _CHUNK]
        heads, state = net(torch.from_numpy(x[part]), state)  # padded rows come after a series' last: they harm nothing
        settle()
        if out is None:
            out = np.full((len(rows), *heads.shape[2:]), np.nan, np.float32)
        asked = (part >= 0) & (place[part] >= 0)
        out[place[part[asked]]] = heads.numpy()[asked]
    if out is None:
        raise ValueError("no eligible row to evaluate; check the required columns")
    return out
