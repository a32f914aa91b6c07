"""The champions of the measurements: full-size members, fitted for one epoch. How well they predict is no matter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.setting import settings
from dataflows.assembly.feature_groups import groups_of
from dataflows.history import feature_history
from dataflows.sources.synthetic import SyntheticMarket
from features.catalogue import column_fingerprint
from models.config import TrainingConfig, preset
from models.data.dataset import Dataset
from models.registry.registry import Registry
from models.runs.training import train
from ops.commands.train import history_dataset
from ops.settings import Settings

HISTORY_S: Final = 1_000.0
SYMBOLS: Final = 40
NET, WITH_TREES = "live_net", "live_net_trees"


def champions(root: Path, timeframe: str) -> dict[str, str]:
    """Return the versions of a timeframe by name: the stepped net alone, and with LightGBM in the vote.

    They are trained where the registry at `root` has none that fit the catalogue.
    """
    chosen = settings(timeframe, root)
    known = {name: _known(chosen, timeframe, name) for name in (NET, WITH_TREES)}
    found = {name: version for name, version in known.items() if version is not None}
    if len(found) < len(known):
        print(f"training the models of {timeframe} (once a catalogue; they stay in {root})", flush=True)
        market = SyntheticMarket(SYMBOLS, seed=5, duration_s=HISTORY_S)
        dataset = history_dataset(chosen, timeframe, feature_history(chosen, market))
        found = {name: _trained(dataset, name, root) for name in known}
    return found


def _trained(dataset: Dataset, name: str, root: Path) -> str:
    return train(dataset, _config(name), root)


def _config(name: str) -> TrainingConfig:
    config = preset("default")
    nets = tuple(replace(net, epochs=1) for net in config.nets)
    trees = tuple(replace(trees, patience=1_000) for trees in config.trees)  # all 300, whatever they are worth
    if name == NET:
        config, trees = replace(config, weights={nets[0].architecture: 1.0}), ()
    return replace(config, name=name, walk=None, embargo=0, nets=nets, trees=trees)


def _known(chosen: Settings, timeframe: str, name: str) -> str | None:
    ours = {c.name: column_fingerprint(group, c) for group in groups_of(chosen) for c in group.columns}
    for metadata in reversed(Registry(chosen.registry.root).list()):
        fits = all(ours.get(column.name) == column.fingerprint for column in metadata.columns)
        if metadata.timeframe == timeframe and fits and metadata.version.rsplit("_", 2)[0] == name:
            return metadata.version
    return None
