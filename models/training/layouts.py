"""How rows are laid out for a net: both kinds look alike to the loop that fits them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import Net, StepNet, WindowNet
from models.config import NetConfig
from models.data.examples import Examples
from models.labels import Float32
from models.training.sequences import Streams, evaluate_sequences, pieces_of
from models.training.windows import Windows, evaluate_windows
from schema.ticks import Bool, Int32


class Layout(Protocol):
    """A net over its rows, in mini-batches."""

    def __len__(self) -> int:
        """Return how many mini-batches a pass has."""
        ...

    def losses(self, epoch: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Run the net over a pass and yield the sum of losses and their number, mini-batch by mini-batch.

        Weights may change between two. Epochs from 1 on may have an order of their own, a function of the seed and the
        epoch alone; 0 is that of time.
        """
        ...


def lay_out(
    net: Net, examples: Examples, rows: NDArray[np.intp], config: NetConfig, seed: int, share: tuple[int, int] = (0, 1)
) -> Layout:
    """Lay out the rows that carry loss, as the net's kind wants them.

    `share` (k, of n) is the part of each mini-batch that this process takes of n, which together take all of it.
    Raises ValueError where no row has a full window, and TypeError on a net of neither kind.
    """
    if isinstance(net, StepNet):
        labelled = np.zeros(len(examples.symbol), np.bool_)
        labelled[rows] = True
        pieces = pieces_of(
            examples.symbol, examples.eligible, labelled, config.streams, config.burn_in, config.chunk
        )  # fmt: skip
        return Streams(net, examples, pieces.share(*share), config.chunk)
    if isinstance(net, WindowNet):
        windows = Windows(net, examples, rows, config.batch, seed, share)
        if not len(windows):
            raise ValueError(
                f"none of {len(rows)} rows has a full window: {config.architecture} looks at {net.window} eligible "
                "rows of a symbol; give it a shorter window or a longer history"
            )
        return windows
    raise TypeError(f"{type(net).__name__} is no net we can fit; expected a StepNet or a WindowNet")


def evaluate(
    net: Net, x: Float32, symbol: Int32, eligible: Bool, rows: NDArray[np.intp] | None = None
) -> Float32:  # fmt: skip
    """Return heads (m, H, 2) of the m given rows of inputs (n, F), all n where none are given, as serving gives them.

    They are NaN in rows that are not eligible, and where the window isn't full. Raises ValueError where all are so.
    """
    rows = np.arange(len(symbol)) if rows is None else rows
    if isinstance(net, StepNet):
        return evaluate_sequences(net, x, symbol, eligible, rows)
    if isinstance(net, WindowNet):
        return evaluate_windows(net, x, symbol, eligible, rows)
    raise TypeError(f"{type(net).__name__} is no net we can evaluate; expected a StepNet or a WindowNet")
