"""A running flow takes a new version over: no restart, no row without a prediction, and a replay decides the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.interfaces import EndOfInput
from dataflows.sources.files import FileSource
from dataflows.stored import Place
from models.registry.registry import Registry
from ops.settings import load
from schema.events import Decision
from tests.end_to_end.runs import TIMEFRAMES

Made = dict[tuple[str, int], str]  # (symbol, bar time) -> version of the prediction


def flow_over(
    ticks: Path, registry: Path, store: str, batch_size: int = 500, decided: list[Decision] | None = None
) -> Flow:
    settings = load(
        [], [f"bars.timeframes={TIMEFRAMES}", f"store.url={store}", "store.namespace=replay", "bus.url=null:",
             f"registry.root={registry}"], {}, {},
    )  # fmt: skip
    return assemble(settings, FileSource([ticks], batch_size=batch_size), decided=decided)


def predicted(flow: Flow, batch: Batch, into: Made) -> None:
    for rows in batch.predictions:
        for k in range(len(rows.time)):
            key = (flow.universe.names[rows.symbol[k]], int(rows.time[k]))
            assert key not in into, f"two champions for {key}"
            into[key] = rows.model_version


def run(flow: Flow, registry: Registry | None = None, activate_at: int = -1) -> Made:
    """Run to the end; activate the registry's second version behind a batch."""
    made: Made = {}
    while True:
        try:
            batch = flow.pipeline.advance()
        except EndOfInput:
            return made
        assert batch is not None
        predicted(flow, batch, made)
        if registry is not None and batch.number == activate_at:
            registry.activate(registry.list()[-1].version)


@pytest.fixture
def own_registry(registry: Path, tmp_path: Path) -> Path:
    shutil.copytree(registry, tmp_path / "models")
    return tmp_path / "models"


def test_a_new_version_takes_over_without_a_lost_row(ticks: Path, own_registry: Path) -> None:
    alone = run(flow_over(ticks, own_registry, "null:"))
    registry = Registry(own_registry)
    first, second = (metadata.version for metadata in registry.list())
    flow = flow_over(ticks, own_registry, "memory:")
    made = run(flow, registry, activate_at=60)
    assert made.keys() == alone.keys()
    (started, swapped) = flow.store.query("SELECT time, subject FROM decisions WHERE kind = 'activate' ORDER BY time")
    assert (started["subject"], swapped["subject"]) == (first, second)
    assert {version for (_, time), version in made.items() if time < swapped["time"]} == {first}
    assert {version for (_, time), version in made.items() if time >= swapped["time"]} == {second}


def test_the_recorded_moment_is_obeyed_by_another_run(ticks: Path, own_registry: Path, tmp_path: Path) -> None:
    """Other batches, the registry as it is now, and the first run's decisions: the same swap at the same bar."""
    store = tmp_path / "rows.db"
    first = flow_over(ticks, own_registry, f"sqlite:///{store}")
    made = run(first, Registry(own_registry), activate_at=60)
    first.close()
    decided = Place.parse(f"sqlite:///{store}#replay").decisions()
    second = flow_over(ticks, own_registry, "null:", batch_size=3_000, decided=decided)
    assert run(second) == made
    assert second.certifier.certificate() == first.certifier.certificate()
