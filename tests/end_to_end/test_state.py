"""A checkpoint holds everything: whatever part is left out, the certificate tells."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dataflows.assembly import Flow, assemble
from dataflows.sources.files import FileSource
from ops.settings import Settings, load
from tests.end_to_end.runs import TIMEFRAMES

BATCH = 3_000
CUT = 12  # batches before the cut


def settings(registry: Path) -> Settings:
    return load(
        [], [f"bars.timeframes={TIMEFRAMES}", "store.url=null:", "bus.url=null:", f"registry.root={registry}"], {}, {}
    )


def flow_over(ticks: Path, registry: Path) -> Flow:
    return assemble(settings(registry), FileSource([ticks], batch_size=BATCH))


def advance(flow: Flow, batches: int) -> None:
    for _ in range(batches):
        batch = flow.pipeline.pull()
        assert batch is not None
        for station in flow.pipeline.stations:
            batch = flow.pipeline.step(station, batch)


@pytest.fixture(scope="module")
def expected(ticks: Path, registry: Path) -> str:
    flow = flow_over(ticks, registry)
    flow.pipeline.run()
    return flow.certifier.certificate().digest


@pytest.fixture(scope="module")
def cut(ticks: Path, registry: Path) -> dict[str, Any]:
    flow = flow_over(ticks, registry)
    advance(flow, CUT)
    return copy.deepcopy(flow.pipeline.snapshot())


@pytest.fixture(scope="module")
def fresh(ticks: Path, registry: Path) -> dict[str, Any]:
    """The state of a flow that knows the symbols and nothing else."""
    flow = flow_over(ticks, registry)
    advance(flow, 1)
    return copy.deepcopy(flow.pipeline.snapshot())


def resumed(ticks: Path, registry: Path, snapshot: dict[str, Any]) -> str:
    flow = flow_over(ticks, registry)
    flow.pipeline.restore(copy.deepcopy(snapshot))
    flow.pipeline.run()
    return flow.certifier.certificate().digest


def test_a_whole_checkpoint_gives_the_whole_certificate(
    ticks: Path, registry: Path, cut: dict[str, Any], expected: str
) -> None:
    assert resumed(ticks, registry, cut) == expected


PARTS = [
    ("order", "buffer", "waiting"),
    ("order", "buffer", "newest"),
    ("order", "buffer", "last_offset"),
    ("order", "state"),
    ("bars", "builder"),
    ("bars", "preparer"),
    ("tick_features",),
    ("inference",),
    ("certificate",),
]


@pytest.mark.parametrize("part", PARTS, ids="/".join)
def test_leaving_a_part_out_is_noticed(
    ticks: Path, registry: Path, cut: dict[str, Any], fresh: dict[str, Any], expected: str, part: tuple[str, ...]
) -> None:
    broken = copy.deepcopy(cut)
    target, source = broken["stations"], fresh["stations"]
    for name in part[:-1]:
        target, source = target[name], source[name]
    assert _bits(target[part[-1]]) != _bits(source[part[-1]])
    target[part[-1]] = copy.deepcopy(source[part[-1]])
    if part == ("order", "buffer", "last_offset"):
        # The file does not repeat itself, so the duplicate window shows only where the source does.
        broken["position"] = _one_batch_back(ticks, registry)
    try:
        assert resumed(ticks, registry, broken) != expected
    except (ValueError, KeyError):
        return  # refused: noticed as well


def test_the_duplicate_window_hides_a_source_that_repeats_itself(
    ticks: Path, registry: Path, cut: dict[str, Any], expected: str
) -> None:
    again = copy.deepcopy(cut)
    again["position"] = _one_batch_back(ticks, registry)
    assert resumed(ticks, registry, again) == expected


def _one_batch_back(ticks: Path, registry: Path) -> dict[str, Any]:
    flow = flow_over(ticks, registry)
    advance(flow, CUT - 1)
    return copy.deepcopy(flow.pipeline.source.position())


def _bits(node: Any) -> list[bytes]:
    return [leaf.tobytes() if isinstance(leaf, np.ndarray) else repr(leaf).encode() for leaf in _leaves(node)]


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _leaves(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _leaves(value)
    else:
        yield node
