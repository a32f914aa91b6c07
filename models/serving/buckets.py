"""The shapes of forwards: fixed, so that a row's result does not depend on how many others there are.

A matrix product of another shape may round differently. So rows are cut into buckets, those that fill one up are
computed and thrown away, and only sizes whose rows come out bit for bit as in the smallest are used. There, a row's
place must not matter either. With MKL it does in a product of at most 10 outputs whose rows don't begin at multiples of
16 bytes: those of 5, 6 or 7 inputs and of 50 came out differently at every second place, those of 8 or 48 nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from models.labels import Float32
from schema.ticks import Int32, Int64

Forward = Callable[[Tensor], tuple[Tensor, ...]]  # places in some fixed rows -> the results of those


class Buckets:
    """Sizes of forwards, ascending."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)

    def bucket(self, n: int) -> int:
        """Return the smallest size that holds n rows, the largest if none does."""
        return next((size for size in self.sizes if size >= n), self.sizes[-1])

    def padded(self, rows: Tensor) -> Iterator[Tensor]:
        """Cut rows (n, ...) into buckets, the last one filled up with zeros."""
        largest = self.sizes[-1]
        for begin in range(0, len(rows), largest):
            part = rows[begin : begin + largest]
            if missing := self.bucket(len(part)) - len(part):
                part = torch.cat((part, part.new_zeros(missing, *part.shape[1:])))
            yield part


class Staging:
    """Room on the host for the rows of one forward, used over and over.

    What calls before left there fills a bucket up: it is finite, and none of it is read.
    """

    def __init__(self, buckets: Buckets, width: int) -> None:
        """Make room for the largest bucket of rows (width,)."""
        self._buckets, self._rows = buckets, np.zeros((buckets.sizes[-1], width), np.float32)

    def put(self, x: Float32, which: Int64 | Int32) -> Float32:
        """Return the n rows `which` of x and as many others as fill their bucket up: valid until the next call."""
        x.take(which, axis=0, out=self._rows[: len(which)], mode="clip")  # "raise" would go through a buffer
        return self._rows[: self._buckets.bucket(len(which))]


@torch.inference_mode()
def check_places(least: int, forward: Forward) -> None:
    """Raise ValueError where a row's place in a bucket of `least` rows matters."""
    rows = torch.arange(least)
    if not _equal(forward(rows.roll(1)), tuple(part.roll(1, 0) for part in forward(rows))):
        raise ValueError(
            "a row's result depends on its place in a batch, so a replay could differ from live; give each layer of "
            "the net at least 12 outputs, or a number of inputs that is a multiple of 4"
        )


@torch.inference_mode()
def agreeing(sizes: Sequence[int], device: torch.device, forward: Forward) -> Buckets:
    """Keep the sizes whose rows come out bit-equal to those of the smallest; on a GPU the largest size alone.

    `forward` knows as many rows as the largest size has.
    """
    sizes = sorted(sizes)
    if device.type != "cpu":
        return Buckets(sizes[-1:])
    least = sizes[0]

    alone = [forward(torch.arange(begin, begin + least)) for begin in range(0, sizes[-1] - least + 1, least)]

    def agrees(size: int) -> bool:
        parts = zip(*alone[: size // least], strict=True)
        return _equal(forward(torch.arange(size)), tuple(torch.cat(part) for part in parts))

    return Buckets((least, *(size for size in sizes[1:] if size % least == 0 and agrees(size))))


def _equal(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(some, others, strict=True))
