"""Light augmentation: a share of the sequences of each mini-batch is disturbed a little while a net learns.

What: noise of a tenth of a column's scale on all inputs, and a tenth of the inputs at 0, which is what an undefined
value looks like. Why: a net must not hang on the last digit or on any one column, since live columns drop out in
gaps. It never leaks: a row is disturbed by draws alone, no row is mixed with another, labels stay as they are, and
rows of the stop, calibrate and test slices are never touched. Draws come from torch's generator: seeded, and part of
a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

_NOISE = 0.1
_DROPPED = 0.1


def disturb(x: Tensor, share: float, as_they_are: Sequence[int] = ()) -> Tensor:
    """Return inputs (B, T, F) of which about `share` of the B sequences are disturbed.

    Not in the inputs `as_they_are`: those are not scaled, so noise of a common size means nothing there.
    """
    chosen = torch.rand(len(x), 1, 1, device=x.device) < share
    dropped = torch.rand(len(x), 1, x.shape[-1], device=x.device) < _DROPPED
    noisy = torch.where(dropped, 0.0, x + _NOISE * torch.randn_like(x))
    noisy[..., list(as_they_are)] = x[..., list(as_they_are)]
    return torch.where(chosen, noisy, x)


@contextmanager
def augmented(net: nn.Module, share: float, as_they_are: Sequence[int] = ()) -> Iterator[None]:
    """Disturb what the net reads while it is in training mode."""
    if share <= 0:
        yield
        return

    def before(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return (disturb(args[0], share, as_they_are), *args[1:]) if module.training else None

    hook = net.register_forward_pre_hook(before)
    try:
        yield
    finally:
        hook.remove()
