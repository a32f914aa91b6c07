"""What can be trained: every registered architecture and kind of trees, described from its code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any, NamedTuple

import models.architectures as package
from models.architectures import StepNet, WindowNet, architectures, build, net_of

INPUTS, HORIZONS = 64, 30  # that sizes are told for


class Described(NamedTuple):
    """One architecture at its default size, for `INPUTS` inputs and `HORIZONS` horizons."""

    name: str
    kind: str  # "step", "window" or "trees"
    parameters: int | None  # None for trees
    state: int | None  # numbers a symbol that a net with a step form carries
    window: int | None  # rows that a net over windows looks at
    columns: tuple[str, ...]  # read by name
    options: dict[str, Any]  # with their defaults
    summary: str  # the first sentence of its module
    module: str


def described() -> tuple[Described, ...]:
    """Describe all by name, nets first."""
    return (*(_net(name) for name in architectures()), *_trees())


def _net(name: str) -> Described:
    net, made = net_of(name), build(name, INPUTS, HORIZONS)
    signature = inspect.signature(net.__init__)
    options = {
        key: value.default
        for key, value in signature.parameters.items()
        if value.kind is value.KEYWORD_ONLY and key != "places"
    }
    return Described(
        name=name,
        kind="step" if isinstance(made, StepNet) else "window",
        parameters=sum(parameter.numel() for parameter in made.parameters()),
        state=made.state_size if isinstance(made, StepNet) else None,
        window=made.window if isinstance(made, WindowNet) else None,
        columns=net.columns,
        options=options,
        summary=_summary(net.__module__),
        module=net.__module__,
    )


def _trees() -> list[Described]:
    found = []
    for entry in pkgutil.iter_modules(package.__path__):
        name = f"{package.__name__}.{entry.name}"
        if hasattr(importlib.import_module(name), "fit_trees"):
            found.append(Described(entry.name, "trees", None, None, None, (), {}, _summary(name), name))
    return found


def _summary(module: str) -> str:
    """Return the first sentence of a module's docstring, a source in parentheses with its dots as one of its words."""
    text, depth = " ".join((inspect.getdoc(importlib.import_module(module)) or "").split("\n\n")[0].split()), 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter in ".:" and depth == 0 and text[at + 1 : at + 2] in ("", " "):
            return text[:at]
    return text
