"""Train and activate a model of one timeframe on a recorded day, for the measurements with models."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.setting import settings
from dataflows.history import feature_history
from dataflows.sources.files import FileSource
from models.config import preset
from models.registry.registry import Registry
from models.runs.training import train
from ops.commands.train import history_dataset


def main() -> None:
    """Fit the members' full size for few epochs: how well they predict does not matter here."""
    day, timeframe, root = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    chosen = settings(timeframe)
    dataset = history_dataset(chosen, timeframe, feature_history(chosen, FileSource([day])))
    config = preset("default")
    config = replace(config, walk=None, embargo=0, nets=(replace(config.nets[0], epochs=1),))
    version = train(dataset, config, root)
    Registry(root).activate(version)
    print(json.dumps({"version": version}))


if __name__ == "__main__":
    main()
