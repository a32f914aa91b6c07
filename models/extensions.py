"""Import the user's own modules, so that their architectures are registered."""

from __future__ import annotations

from collections.abc import Iterable

from features.own_modules import import_own
from models.architectures import architectures, defined_in


class ArchitecturesNotLoaded(ValueError):
    """A module of the user's is not there, fails, or registers no net. The message says which, and what to do."""


def load_architectures(modules: Iterable[str]) -> None:
    """Import modules of setting `models.modules`, behind our own; a second call does nothing.

    Raises ArchitecturesNotLoaded where one is not there, fails, or has no registered net that is defined in it.
    """
    architectures()
    for name in modules:
        import_own(name, "model", ArchitecturesNotLoaded)
        if not defined_in(name):
            raise ArchitecturesNotLoaded(
                f"model module {name!r} registers no net of its own, expected a class under @architecture(NAME); "
                "docs/models.md has an example; correct it or models.modules"
            )
