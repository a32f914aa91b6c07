"""A checkpoint holds everything: whatever part is left out, the certificate tells."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.sources.files import FileSource
from ops.settings import Settings, load
from schema.reasons import Dead
from tests.end_to_end.runs import TIMEFRAMES

BATCH = 3_000
EARLIEST_CUT = 30_000  # ticks


class Cut(NamedTuple):
    snapshot: dict[str, Any]
    earlier: dict[str, Any]  # a position of the source before it


def settings(registry: Path) -> Settings:
    return load(
        [], [f"bars.timeframes={TIMEFRAMES}", "store.url=null:", "bus.url=null:", f"registry.root={registry}"], {}, {}
    )


def flow_over(ticks: Path, registry: Path) -> Flow:
    return assemble(settings(registry), FileSource([ticks], batch_size=BATCH))


def advance(flow: Flow, row: int) -> None:
    """Step until exactly `row` rows of the file were read."""
    source = flow.pipeline.source
    assert isinstance(source, FileSource)
    while (read := int(source.position()["row"])) < row:
        source.batch_size = min(BATCH, row - read)
        assert flow.pipeline.advance() is not None


def telling_rows(ticks: Path, registry: Path) -> list[int]:
    """Rows to cut before: the first late one, the first outliers, and some at random."""
    time = pq.read_table(ticks, columns=["ts"]).column("ts").cast("int64").to_numpy()
    late = np.flatnonzero(time < np.maximum.accumulate(time) - 1_000_000_000)
    outliers: list[int] = []
    flow = flow_over(ticks, registry)
    flow.pipeline.on_batch = lambda batch: outliers.extend(
        letter.offset for letter in batch.dead if letter.reason == Dead.OUTLIER
    )
    flow.pipeline.run()
    rows = [int(late[late > EARLIEST_CUT][0]), *[row for row in sorted(outliers) if row > EARLIEST_CUT][:3]]
    return sorted({*rows, *np.random.default_rng(4).integers(EARLIEST_CUT, len(time) - 5_000, 12).tolist()})


@pytest.fixture(scope="module")
def ticks(ticks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shared ticks without venue numbers and sides, so that what the flow remembers has to stand in for them."""
    path = tmp_path_factory.mktemp("bare") / "ticks.parquet"
    pq.write_table(pq.read_table(ticks).drop_columns(["sequence", "side"]), path)
    return path


@pytest.fixture(scope="module")
def expected(ticks: Path, registry: Path) -> str:
    flow = flow_over(ticks, registry)
    flow.pipeline.run()
    return flow.certifier.certificate().digest


@pytest.fixture(scope="module")
def cuts(ticks: Path, registry: Path) -> list[Cut]:
    """Snapshots before each telling row, and where the source stood a little earlier."""
    flow, found = flow_over(ticks, registry), []
    for row in telling_rows(ticks, registry):
        advance(flow, row - 400)
        earlier = copy.deepcopy(flow.pipeline.source.position())
        advance(flow, row)
        found.append(Cut(copy.deepcopy(flow.pipeline.snapshot()), earlier))
    return found


@pytest.fixture(scope="module")
def fresh(ticks: Path, registry: Path) -> dict[str, Any]:
    """The state of a flow that knows the symbols and little else."""
    flow = flow_over(ticks, registry)
    advance(flow, 1_000)
    return copy.deepcopy(flow.pipeline.snapshot())


def resumed(ticks: Path, registry: Path, snapshot: dict[str, Any]) -> str:
    flow = flow_over(ticks, registry)
    flow.pipeline.restore(copy.deepcopy(snapshot))
    flow.pipeline.run()
    return flow.certifier.certificate().digest


def test_a_whole_checkpoint_gives_the_whole_certificate(
    ticks: Path, registry: Path, cuts: list[Cut], expected: str
) -> None:
    assert {resumed(ticks, registry, cut.snapshot) for cut in cuts} == {expected}


def test_the_duplicate_window_hides_a_source_that_repeats_itself(
    ticks: Path, registry: Path, cuts: list[Cut], expected: str
) -> None:
    assert {resumed(ticks, registry, {**cut.snapshot, "position": cut.earlier}) for cut in cuts[:4]} == {expected}


PARTS = ["order/buffer/waiting", "order/buffer/newest", "bars/builder", "bars/preparer",
         "tick_features", "inference", "certificate"]  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_leaving_a_part_out_is_noticed(
    ticks: Path, registry: Path, cuts: list[Cut], fresh: dict[str, Any], expected: str, part: str
) -> None:
    assert any(notices(ticks, registry, without(cut.snapshot, fresh, part), expected) for cut in cuts)


def test_leaving_the_duplicate_window_out_is_noticed(
    ticks: Path, registry: Path, cuts: list[Cut], fresh: dict[str, Any], expected: str
) -> None:
    for cut in cuts:
        broken = {**without(cut.snapshot, fresh, "order/buffer/last_offset"), "position": cut.earlier}
        assert notices(ticks, registry, broken, expected)


def without(snapshot: dict[str, Any], fresh: dict[str, Any], part: str) -> dict[str, Any]:
    """The snapshot with one part as it is in a fresh flow."""
    broken = copy.deepcopy(snapshot)
    target, source = broken["stations"], fresh["stations"]
    *path, last = part.split("/")
    for name in path:
        target, source = target[name], source[name]
    assert _bits(target[last]) != _bits(source[last])
    target[last] = copy.deepcopy(source[last])
    return broken


def notices(ticks: Path, registry: Path, broken: dict[str, Any], expected: str) -> bool:
    """Whether a resume from a broken snapshot is refused or gives another certificate."""
    try:
        return resumed(ticks, registry, broken) != expected
    except (ValueError, KeyError):
        return True


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
