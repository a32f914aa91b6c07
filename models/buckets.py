"""The shapes of forwards: fixed, so that a row's result does not depend on how many others there are.

A matrix product of another shape may round differently. So rows are cut into buckets, those that fill one up are
computed and thrown away, and only sizes whose rows come out bit for bit as in the smallest are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

Forward = Callable[[int, int], tuple[Tensor, ...]]  # first row, size -> results of that part of some fixed rows


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


@torch.inference_mode()
def agreeing(sizes: Sequence[int], device: torch.device, forward: Forward) -> Buckets:
    """Keep the sizes whose rows come out bit-equal to those of the smallest; on a GPU the largest size alone.

    `forward` is called with parts of as many rows as the largest size.
    """
    sizes = sorted(sizes)
    if device.type != "cpu":
        return Buckets(sizes[-1:])

    def agrees(size: int) -> bool:
        whole = forward(0, size)
        parts = [forward(begin, sizes[0]) for begin in range(0, size, sizes[0])]
        return all(torch.equal(a, torch.cat(b)) for a, b in zip(whole, zip(*parts, strict=True), strict=True))

    return Buckets((sizes[0], *(size for size in sizes[1:] if size % sizes[0] == 0 and agrees(size))))
