"""Import every family, so that its groups are in the catalogue."""

from __future__ import annotations

import importlib
import pkgutil

import features

FAMILIES = ("technical", "microstructure", "statistical", "spectral", "cross_asset", "regime", "calendar", "sentiment")


def load() -> None:
    """Import the modules of all families; a second call does nothing."""
    for family in FAMILIES:
        package = importlib.import_module(f"{features.__name__}.{family}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
