"""What the chaos runs read: a recorded market with all its faults, and a small model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dataflows.assembly.assemble import assemble
from dataflows.history import feature_history
from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import SyntheticMarket
from models.config import preset
from models.registry.registry import Registry
from models.runs.training import train
from ops.commands.train import history_dataset
from ops.settings import load
from tests.recovery.rigs import FilesQuestDb, FilesSqlite, Rig
from tests.servers import running_questdb

SYMBOLS = 6
SETTINGS = ["bars.timeframes=1s,10s", "store.url=memory:", "bus.url=memory:"]


def small_model(folder: Path, families: str, models: Sequence[str] = ("small",)) -> Path:
    """Train small models and activate the first; return their registry.

    Warms this process up: the lives are forked from it.
    """
    root = folder / "models"
    settings = load([], [*SETTINGS, f"features.families={families}", f"registry.root={root}"], {}, {})
    market = SyntheticMarket(SYMBOLS, seed=3, duration_s=900)
    dataset = history_dataset(settings, "1s", feature_history(settings, market))
    quick = preset("quick")
    for name in reversed(models):
        config = replace(quick, name=name, walk=None, nets=(replace(quick.nets[0], epochs=1),))
        version = train(dataset, config, root)
    Registry(root).activate(version)
    warm = assemble(settings, SyntheticMarket(SYMBOLS, seed=5, duration_s=300, batch_size=2_000))
    for _ in range(20):
        warm.pipeline.advance()
    warm.close()
    return root


def files_sqlite(folder: Path, seconds: int) -> FilesSqlite:
    """Make the input in `folder`, and a model."""
    ticks = folder / "ticks.parquet"
    write_parquet(SyntheticMarket(SYMBOLS, seed=5, duration_s=seconds, faults=0.01), ticks)
    return FilesSqlite(ticks, small_model(folder, "calendar,statistical"))


@contextmanager
def rig(store: str, folder: Path, seconds: int) -> Iterator[Rig]:
    """Make the input, and start the server where the store has one; it ends with the block."""
    files = files_sqlite(folder, seconds)
    if store == "sqlite":
        yield files
        return
    with running_questdb(folder / "server") as server:
        at = server.questdb
        yield FilesQuestDb(files.ticks, files.registry, f"questdb://{at.host}:{at.http}?pg={at.pg}")
