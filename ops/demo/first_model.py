"""A model for the demo: the one in the registry if it fits, else a small one from a warm-up history."""

from __future__ import annotations

import time
from typing import Final

from dataflows.assembly.feature_groups import groups_of
from dataflows.history import feature_history
from dataflows.sources.synthetic import SyntheticMarket
from features.catalogue import column_fingerprint
from models.registry.registry import Registry, RegistryError
from models.runs.training import train
from ops.commands.train import history_dataset
from ops.settings import Settings
from ops.train_settings import configuration

HISTORY_SECONDS: Final = 1_500
SEED_OFFSET: Final = 1_000  # the model learns from another market than the one it is shown on


def ensure(settings: Settings, timeframe: str, symbols: int, seed: int) -> str:
    """Return the version to run, training and activating one where none fits. Says what it does."""
    registry = Registry(settings.registry.root)
    version = _usable(registry, settings, timeframe)
    if version is not None:
        print(f"model: {version}, from {settings.registry.root}")
        return version
    print(
        f"model: none fits in {settings.registry.root}; training a small one on {HISTORY_SECONDS // 60} minutes of "
        f"synthetic history of {symbols} symbols (under a minute, once the kernels are compiled)"
    )
    began = time.perf_counter()
    market = SyntheticMarket(symbols, seed=seed + SEED_OFFSET, duration_s=HISTORY_SECONDS)
    dataset = history_dataset(settings, timeframe, feature_history(settings, market))
    print(f"       {len(dataset.time):,} rows after {time.perf_counter() - began:.0f} s; fitting")
    chosen = {"preset": "quick", "scheme": "single"}
    quick = settings.model_copy(update={"train": settings.train.model_copy(update=chosen)})
    version = train(dataset, configuration(quick, "demo"), settings.registry.root)
    registry.activate(version)
    print(f"       {version} after {time.perf_counter() - began:.0f} s; its report: {registry.path(version)}")
    return version


def _usable(registry: Registry, settings: Settings, timeframe: str) -> str | None:
    """Return the active version if it was made of the columns that this catalogue has."""
    try:
        version = registry.active(timeframe)
        if version is None:
            return None
        metadata = registry.show(version)
    except RegistryError:
        return None
    ours = {c.name: column_fingerprint(g, c) for g in groups_of(settings) for c in g.columns}
    fits = all(ours.get(column.name) == column.fingerprint for column in metadata.columns)
    return version if fits else None
