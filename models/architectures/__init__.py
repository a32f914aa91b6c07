"""Architectures of nets: one file each, registered by one decorator.

    @architecture("gru")
    class GRU(Net): ...

A net reads `(batch, time, features)` and gives the common heads for the horizons 1 .. H in one pass. There are two
kinds. A `StepNet` carries a state a symbol and is served one bar at a time; it says itself in three parts, so that
inference runs `encode` and `heads` over all rows of a batch at once and only `advance` bar by bar. A `WindowNet` looks
at the last `window` rows of a symbol at once, of which the server keeps a ring.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Net(nn.Module, ABC):
    """What both kinds are. Outputs are in units of the label, the log return over sigma_t sqrt(h)."""


class StepNet(Net):
    """A net with a step form."""

    state_size: int  # K: numbers of state a symbol, zero at the beginning

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Return what of the inputs (..., F) needs no state, (..., D)."""

    @abstractmethod
    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Step encoded inputs (B, D) from states (B, K): outputs (B, E) and new states (B, K)."""

    @abstractmethod
    def heads(self, y: Tensor) -> Tensor:
        """Return mean and log variance (..., H, 2) of outputs (..., E)."""

    @abstractmethod
    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run whole sequences (B, T, F) from states (B, K): heads (B, T, H, 2) and the last states (B, K)."""

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run one bar (B, F) from states (B, K): heads (B, H, 2) and new states (B, K)."""
        y, state = self.advance(self.encode(x), state)
        return self.heads(y), state

    def start(self, batch: int) -> Tensor:
        """Return the state (B, K) before the first bar."""
        return torch.zeros(batch, self.state_size)


class WindowNet(Net):
    """A net that reads whole windows and speaks of their last row alone. It says nothing before a window is full."""

    window: int  # W: rows of a symbol that it looks at

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Run windows (B, W, F), oldest row first: heads (B, H, 2) of the last row."""


_REGISTERED: dict[str, Callable[..., Net]] = {}


def architecture(name: str) -> Callable[[type[Net]], type[Net]]:
    """Register a net under a name. Raises ValueError where it is taken."""

    def keep(net: type[Net]) -> type[Net]:
        if name in _REGISTERED:
            raise ValueError(f"architecture {name!r} is registered already; choose another name")
        _REGISTERED[name] = net
        return net

    return keep


def architectures() -> tuple[str, ...]:
    """Return the registered names, those of this package among them."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(_REGISTERED))


def build(name: str, inputs: int, horizons: int, **options: Any) -> Net:
    """Make a net for F inputs and H horizons. Raises ValueError on an unknown name or option."""
    if name not in architectures():
        raise ValueError(f"architecture {name!r} is unknown; expected one of {list(architectures())}")
    try:
        return _REGISTERED[name](inputs, horizons, **options)
    except TypeError as error:
        raise ValueError(f"architecture {name!r} does not take the options {options}: {error}") from error
