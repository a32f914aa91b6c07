"""Architectures of nets: one file each, registered by one decorator.

    @architecture("gru", hidden=8)
    class GRU(StepNet): ...

A net reads `(batch, time, features)` and gives the common heads for the horizons 1 .. H in one pass. There are two
kinds. A `StepNet` carries a state a symbol and is served one bar at a time; it says itself in three parts, so that
inference runs `encode` and `heads` over all rows of a batch at once and only `advance` bar by bar. A `WindowNet` looks
at the last `window` rows of a symbol at once, of which the server keeps a ring. The decorator's keywords are options
of a net of few units: every registered net is tried with them against the laws (tests/models/test_architectures.py).
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from models.likelihood import negative_log_likelihood


class Net(nn.Module, ABC):
    """What both kinds are. Outputs are in units of the label, the log return over sigma_t sqrt(h)."""

    columns: tuple[str, ...] = ()  # feature columns that it reads by name, not scaled; option `places` says where
    most_columns: int = 0  # that it may read, with the required ones; chosen on a fold's fit slice; 0: any number
    search: Mapping[str, tuple[Any, ...]] = MappingProxyType({})  # options that `undertone tune` tries, by `searched`
    grades: int = 1  # how many parts are fitted one after the other, each with epochs of its own
    weigh: Callable[[Tensor], Tensor | None] | None = None  # weights of labels (..., H) while fitting; None: all alike

    def begin_grade(self, grade: int) -> None:
        """Get ready to fit a grade from 0 on: freeze what the ones before learned, by `requires_grad_`.

        Called in this order, also where a run goes on that was broken off, before its weights are read.
        """

    def loss(self, heads: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses and how many there are, of what `forward` gave just before.

        Heads (..., H, 2), labels (..., H) with NaN where there is none, and which rows count (...). Override it to
        add a penalty.
        """
        return negative_log_likelihood(heads, y, counts, self.weigh(y) if self.weigh else None)


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


_N = TypeVar("_N", bound=Net)
_REGISTERED: dict[str, type[Net]] = {}
_SMALL: dict[str, dict[str, Any]] = {}


def architecture(name: str, **small: Any) -> Callable[[type[_N]], type[_N]]:
    """Register a net under a name, with the options of a small one. Raises ValueError where the name is taken."""

    def keep(net: type[_N]) -> type[_N]:
        if name in _REGISTERED:
            raise ValueError(f"architecture {name!r} is registered already; choose another name")
        _REGISTERED[name], _SMALL[name] = net, small
        return net

    return keep


def searched(**values: tuple[Any, ...]) -> Callable[[type[_N]], type[_N]]:
    """Say which values of a net's options `undertone tune` tries; all of them can be built with all others."""

    def keep(net: type[_N]) -> type[_N]:
        net.search = values
        return net

    return keep


def architectures() -> tuple[str, ...]:
    """Return the registered names, those of this package among them."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(_REGISTERED))


def named_by(name: str) -> tuple[str, ...]:
    """Return the feature columns that a registered architecture reads by name."""
    return net_of(name).columns


def defined_in(module: str) -> tuple[str, ...]:
    """Return the names of the nets that are defined in a module, or in any module of a package."""
    return tuple(name for name, net in _REGISTERED.items() if f"{net.__module__}.".startswith(f"{module}."))


def small_options(name: str) -> dict[str, Any]:
    """Return the options of a small net of a registered architecture, for tests and first tries."""
    return dict(_SMALL[name])


def build(name: str, inputs: int, horizons: int, **options: Any) -> Net:
    """Make a net for F inputs and H horizons. Raises ValueError on an unknown name or option."""
    net = net_of(name)
    try:
        return net(inputs, horizons, **options)
    except TypeError as error:
        raise ValueError(f"architecture {name!r} does not take the options {options}: {error}") from error


def net_of(name: str) -> type[Net]:
    """Return the class registered under a name. Raises ValueError on an unknown one."""
    if name not in architectures():
        raise ValueError(f"architecture {name!r} is unknown; expected one of {list(architectures())}")
    return _REGISTERED[name]
