"""What a search may choose from. Each architecture says it beside its code; what all share stands here."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from models.architectures import architectures, named_by, net_of
from models.config import SIGMA, TREES, TrainingConfig
from models.data.dataset import TrainingRefused
from models.search.points import Choices

LEARNING_RATES: Final[Choices] = tuple(float(f"{3e-4 * math.exp(k * math.log(1e-2 / 3e-4) / 6):.2g}") for k in range(7))
NETS: Final[Mapping[str, Choices]] = {
    "train.learning_rate": LEARNING_RATES, "train.augment": (0.0, 0.1, 0.2), "train.class_weights": (False, True),
}  # fmt: skip
COLUMNS: Final[Choices] = (16, 32, 64, 128)
FAMILY: Final = "family."


def search_of(architecture: str) -> Mapping[str, Choices]:
    """Return the options of an architecture, or parameters of trees, that a search may change, with their values."""
    if architecture in TREES:
        found: Mapping[str, Choices] = importlib.import_module(f"models.architectures.{architecture}").SEARCH
        return found
    return net_of(architecture).search


def space_of(config: TrainingConfig, families: Mapping[str, str]) -> dict[str, Choices]:
    """Return the dimensions of a search by name: `train.SETTING`, `ARCHITECTURE.OPTION`, `family.FAMILY`.

    `families` are those of the columns that there are, by column; a family is in or out, where there are several.
    """
    space: dict[str, Choices] = dict(NETS) if config.nets else {}
    space["train.columns"] = COLUMNS
    for spec in config.members:
        space |= {f"{spec.architecture}.{name}": values for name, values in search_of(spec.architecture).items()}
    optional = sorted({family for column, family in families.items() if column != SIGMA})
    if len(optional) > 1:
        space |= {f"{FAMILY}{family}": (True, False) for family in optional}
    return space


def settings_of_point(point: Mapping[str, Any], config: TrainingConfig) -> dict[str, Any]:
    """Return the `train.*` settings that a point stands for: what `undertone train -c` reads."""
    settings: dict[str, Any] = {}
    options: dict[str, dict[str, Any]] = {}
    for name, value in point.items():
        where, _, what = name.partition(".")
        if where == "train":
            settings[what] = value
        elif f"{where}." != FAMILY:
            options.setdefault(where, {})[what] = value
    if options:
        settings["options"] = options
    known = [name.removeprefix(FAMILY) for name in point if name.startswith(FAMILY)]
    chosen = [family for family in known if point[f"{FAMILY}{family}"]]
    if chosen and len(chosen) < len(known):  # all and none of them are no choice
        settings["families"] = chosen
    return settings


def columns_of_families(names: Sequence[str], families: Mapping[str, str], wanted: Sequence[str]) -> list[str]:
    """Return the columns of some families (all where none is named), with sigma's and those that a net reads by name.

    Raises TrainingRefused on a family without columns.
    """
    if missing := set(wanted) - set(families.values()):
        raise TrainingRefused(
            f"train.families: {sorted(missing)} have no columns here, expected some of {sorted(set(families.values()))}"
        )
    needed = {SIGMA, *(name for architecture in architectures() for name in named_by(architecture))}
    return [name for name in names if not wanted or name in needed or families[name] in wanted]
