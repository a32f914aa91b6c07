"""Import every family, and the user's own modules, so that their groups are in the catalogue."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Sequence

import features
from features.catalogue import Family, Group, registered
from features.own_modules import import_own

FAMILIES = ("technical", "microstructure", "statistical", "spectral", "cross_asset", "regime", "calendar", "sentiment")


class FeaturesNotLoaded(ValueError):
    """A chosen family is unknown, or a module of the user's has no features. The message says which, and what to do."""


def load(modules: Iterable[str] = ()) -> None:
    """Import the modules of all families, then the given ones; a second call does nothing.

    Raises FeaturesNotLoaded where a given one is not there, fails, or has no group whose kernel is defined in it.
    """
    for family in FAMILIES:
        package = importlib.import_module(f"{features.__name__}.{family}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    for name in modules:
        import_own(name, "feature", FeaturesNotLoaded)
        if not groups_of_module(name):
            raise FeaturesNotLoaded(
                f"feature module {name!r} registers no group of its own, expected a call of register(Group(...)) with "
                "a kernel defined in it; docs/features-guide.md has an example; correct it or features.modules"
            )


def configured(families: Sequence[str] = (), modules: Sequence[str] = ()) -> tuple[Group, ...]:
    """Return the groups of some families, of all where none is named, and those of the user's modules, in order.

    Raises FeaturesNotLoaded where a family is unknown or a module has no group.
    """
    if unknown := set(families) - set(Family):
        raise FeaturesNotLoaded(
            f"setting features.families names {sorted(unknown)}, expected some of {', '.join(Family)}"
        )
    load(modules)
    own = [group for module in modules for group in groups_of_module(module)]
    wanted = {group.name for group in (*registered(families or None), *own)}
    return tuple(group for group in registered() if group.name in wanted)


def groups_of_module(name: str) -> tuple[Group, ...]:
    """Return the groups whose kernels are defined in a module, or in any module of a package."""
    return tuple(group for group in registered() if f"{group.update.__module__}.".startswith(f"{name}."))
