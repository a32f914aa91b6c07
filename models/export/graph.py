"""A net as a graph from tensors to tensors, the batch its only free size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from models.architectures import Net, StepNet, WindowNet

ROWS: Final = (16, 64)  # batches that a graph is tried with
STEPS: Final = 8  # bars a graph with a state is run over


class _Step(nn.Module):
    """One bar of a net with a step form."""

    def __init__(self, net: StepNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.net.step(x, state)


@dataclass(frozen=True, slots=True)
class Graph:
    """`module` takes x, and state where there is one, and gives heads (B, H, 2), and the next state."""

    member: str
    module: nn.Module
    row: tuple[int, ...]  # shape of x behind the batch: (F,) or (W, F)
    horizons: int
    state: int | None  # numbers of state a symbol

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what goes in."""
        return ("x", "state") if self.state is not None else ("x",)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what comes out."""
        return ("heads", "next_state") if self.state is not None else ("heads",)

    def example(self, batch: int) -> tuple[Tensor, ...]:
        """Return inputs of a batch, drawn from a fixed seed; a state is the one before the first bar."""
        x = torch.randn(batch, *self.row, generator=torch.Generator().manual_seed(batch)).clamp(-8, 8)
        return (x,) if self.state is None else (x, torch.zeros(batch, self.state))

    def calls(self, batch: int) -> list[tuple[Tensor, ...]]:
        """Return what a graph is tried with: one batch of windows, or bars in a row with the state PyTorch carries."""
        calls = [self.example(batch)]
        if self.state is not None:
            generator = torch.Generator().manual_seed(1)
            for _ in range(STEPS - 1):
                state = self(*calls[-1])[1]
                calls.append((torch.randn(batch, *self.row, generator=generator).clamp(-8, 8), state))
        return calls

    @torch.inference_mode()
    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        """Run it in PyTorch."""
        out = self.module(*given)
        return out if isinstance(out, tuple) else (out,)


def graph_of(member: str, net: Net, inputs: int, horizons: int) -> Graph:
    """Return a net of F inputs and H horizons as a graph. Raises TypeError on a net of neither kind."""
    net = net.eval().requires_grad_(False)
    if isinstance(net, StepNet):
        return Graph(member, _Step(net).eval(), (inputs,), horizons, net.state_size)
    if isinstance(net, WindowNet):
        return Graph(member, net, (net.window, inputs), horizons, None)
    raise TypeError(f"{type(net).__name__} is no net we can export; expected a StepNet or a WindowNet")
