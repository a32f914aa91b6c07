"""Import the user's own modules, so that their architectures are registered."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterable

from models.architectures import architectures, defined_in


class ArchitecturesNotLoaded(ValueError):
    """A module of the user's is not there, fails, or registers no net. The message says which, and what to do."""


def load_architectures(modules: Iterable[str]) -> None:
    """Import modules of setting `models.modules`, behind our own; a second call does nothing.

    Raises ArchitecturesNotLoaded where one is not there, fails, or has no registered net that is defined in it.
    """
    architectures()
    for name in modules:
        _import(name)
        if not defined_in(name):
            raise ArchitecturesNotLoaded(
                f"model module {name!r} registers no net of its own, expected a class under @architecture(NAME); "
                "docs/models.md has an example; correct it or models.modules"
            )


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise ArchitecturesNotLoaded(
                f"model module {name!r} is not there: no module {error.name!r} is found; correct models.modules, "
                "install its package into this environment, or put the folder that holds it on PYTHONPATH"
            ) from None
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise ArchitecturesNotLoaded(
            f"model module {name!r} fails when it is imported: {type(error).__name__}: {error} "
            f"({last.filename}, line {last.lineno}); correct it, or take it out of models.modules"
        ) from error
