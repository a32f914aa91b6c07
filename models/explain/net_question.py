"""A net's mean at one row as a function of the inputs of the last rows: what nets are explained by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from models.architectures import Net, StepNet, WindowNet
from models.labels import Float32

SPAN: Final = 64  # rows whose inputs are asked about, of a net with a state; what lies before them is in the state
_CHUNK: Final = 512


@dataclass(frozen=True, slots=True)
class Question:
    """Why `f(x)` and not `f(blank)`? Windows have W rows of D inputs."""

    f: Callable[[Tensor], Tensor]  # windows (B, W, D) to means (B,), in units of the label
    x: Tensor  # (W, D)
    blank: Tensor  # (W, D): the inputs of rows of which nothing is known


def question_of(net: Net, x: Float32, blank: Float32, primary: int) -> Question:
    """Ask about the last of a symbol's rows x (n, D), all those that the net has seen, at horizon `primary`.

    `blank` (D,) stands for an unknown row. The state of a net that has one is that before the last 64 rows.
    Raises ValueError where a window isn't full.
    """
    rows = torch.from_numpy(x)
    if isinstance(net, WindowNet):
        if len(rows) < net.window:
            raise ValueError(f"explain: {len(rows)} rows, while the net looks at {net.window}; it said nothing here")
        rows = rows[-net.window :]

        def of_windows(windows: Tensor) -> Tensor:
            return _mean(net(windows), primary)

        return Question(of_windows, rows, torch.from_numpy(blank).expand_as(rows))
    assert isinstance(net, StepNet)
    before, rows = rows[:-SPAN], rows[-SPAN:]
    state = _state(net, before)

    def of_sequences(windows: Tensor) -> Tensor:
        return _mean(net(windows, state.expand(len(windows), -1))[0][:, -1], primary)

    return Question(of_sequences, rows, torch.from_numpy(blank).expand_as(rows))


@torch.no_grad()
def _state(net: StepNet, rows: Tensor) -> Tensor:
    state = net.start(1)
    for part in rows.split(_CHUNK):
        _, state = net(part[None], state)
    return state


def _mean(heads: Tensor, primary: int) -> Tensor:
    return heads[:, primary - 1, 0]
