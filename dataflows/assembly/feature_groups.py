"""The feature groups of a flow: those that the settings switch on, and those that look at one symbol."""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.kernel_cache import forget_stale_of
from features import families
from features.catalogue import Group, Stage
from ops.settings import Settings


def single_symbol(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Return the groups whose columns look at one symbol."""
    return tuple(group for group in groups if group.stage is not Stage.CROSS)


def groups_of(settings: Settings) -> tuple[Group, ...]:
    """Return the feature groups that the settings switch on, the user's own among them.

    Raises FeaturesNotLoaded where a module of `features.modules` has none.
    """
    groups = families.configured(settings.features.families, settings.features.modules)
    forget_stale_of(settings.features.modules)
    return groups
