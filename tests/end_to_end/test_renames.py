"""A renamed symbol in all that is stored: what was predicted and what became of it goes on under the new name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.messages.encode import encode_event
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from dataflows.sources.stored_run import StoredRun
from dataflows.sources.synthetic import SyntheticMarket
from dataflows.split.roles import Joined, Shard
from dataflows.stored import open_place
from features import families
from features.catalogue import fingerprint
from ops.commands.replay_stored import as_decided
from ops.settings import Settings, load
from schema.events import Event, EventKind
from schema.timeframes import SECOND
from tests.dataflows.renamed_market import Schedule, called
from tests.end_to_end.runs import TIMEFRAMES
from tests.end_to_end.split_runs import LanesOf, MemoryChannel, MemoryRows

CLOCKS = ("received", "closed", "features_ready", "inference_started", "inference_done", "enqueued")
TABLES = ("bars", "features", "predictions", "outcomes", "ticks", "late_ticks")
BY_TICK = ("ticks", "late_ticks")


def settings(registry: Path, store: str = "memory:") -> Settings:
    chosen = (f"bars.timeframes={TIMEFRAMES}", f"store.url={store}", "bus.url=null:", "store.ticks=true")
    return load([], [*chosen, f"registry.root={registry}", "store.features_from_s=10"], {}, {})


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes of six symbols, with late and broken ticks."""
    path = tmp_path_factory.mktemp("plain") / "plain.parquet"
    write_parquet(SyntheticMarket(6, seed=5, duration_s=300, faults=0.01), path)
    return path


@pytest.fixture(scope="module")
def schedule(ticks: Path) -> Schedule:
    """A new name, then a swap in which the new name takes part, both amid open bars and open predictions."""
    start = int(pq.read_table(ticks, columns=["ts"])["ts"].cast("int64").to_numpy().min())
    return [
        (start + 120 * SECOND + 37, {"SYN001": "AAA"}),
        (start + 200 * SECOND, {"AAA": "SYN004", "SYN004": "AAA"}),
    ]


@pytest.fixture(scope="module")
def renamed(ticks: Path, schedule: Schedule) -> list[Path]:
    """The same market with the names of each time, and the events beside it."""
    table, path = pq.read_table(ticks), ticks.with_name("renamed.parquet")
    times = table["ts"].cast("int64").to_pylist()
    names = [called(name, time, schedule) for name, time in zip(table["symbol"].to_pylist(), times)]
    pq.write_table(table.set_column(table.schema.get_field_index("symbol"), "symbol", pa.array(names)), path)
    events = [
        Event(since, EventKind.RENAMED, old, details={"to": new})
        for since, moves in schedule
        for old, new in moves.items()
    ]
    path.with_name("events.jsonl").write_bytes(b"\n".join(map(encode_event, events)))
    return [path, path.with_name("events.jsonl")]


def run(files: list[Path], registry: Path, store: str = "memory:") -> Flow:
    flow = assemble(settings(registry, store), FileSource(files, batch_size=700))
    flow.pipeline.run()
    flow.store.flush()
    return flow


@pytest.fixture(scope="module")
def truth(ticks: Path, registry: Path) -> Flow:
    return run([ticks], registry)


@pytest.fixture(scope="module")
def found(renamed: list[Path], registry: Path) -> Flow:
    return run(renamed, registry, f"sqlite:///{renamed[0].parent}/renamed.db")


def rows(flow: Flow, table: str, schedule: Schedule = []) -> list[tuple[Any, ...]]:  # noqa: B006
    """A table's rows under the names of a schedule, without wall clock, order and the file's name."""
    kept = []
    for row in flow.store.query(f"SELECT * FROM {table}"):
        time = row["time"] if table in BY_TICK else row["time"] - 1
        row["symbol"] = called(row["symbol"], time, schedule) if row["symbol"] else row["symbol"]
        kept.append(tuple(repr(row[name]) for name in sorted(row) if name not in (*CLOCKS, "source", "sequence")))
    return sorted(kept)


@pytest.mark.parametrize("table", TABLES)
def test_what_is_stored_is_the_same_under_the_names_of_its_time(
    table: str, truth: Flow, found: Flow, schedule: Schedule
) -> None:
    mine, theirs = rows(found, table), rows(truth, table, schedule)
    assert mine == theirs and len(mine) > 0


def test_a_prediction_from_before_has_its_outcome_under_the_old_name(found: Flow, schedule: Schedule) -> None:
    (since, _), *_ = schedule
    known = found.store.query(
        "SELECT * FROM outcomes WHERE symbol = 'SYN001' AND time <= ? AND known_at > ?", (since, since)
    )
    assert len(list(known)) > 0


def test_sequences_go_on(found: Flow) -> None:
    bars = found.store.query("SELECT * FROM bars WHERE symbol IN ('SYN001', 'AAA') AND timeframe = '1s' ORDER BY time")
    before = [row["bar_sequence"] for row in bars if row["symbol"] == "SYN001"]
    first = next(iter(found.store.query("SELECT min(bar_sequence) AS n FROM bars WHERE symbol = 'AAA'")))
    assert first["n"] <= before[-1] + 1 and before == list(range(1, len(before) + 1))


def test_the_store_gives_the_certificate_back(found: Flow, renamed: list[Path], registry: Path) -> None:
    place = open_place(f"sqlite:///{renamed[0].parent}/renamed.db", "live")
    chosen = as_decided(settings(registry), settings(registry), None)
    again = assemble(chosen, StoredRun(place, batch_size=333), decided=place.decisions())
    again.pipeline.run()
    assert again.certifier.certificate().digest == found.certifier.certificate().digest


def test_the_split_topology_refuses_and_says_so(renamed: list[Path], registry: Path) -> None:
    """The new name is a symbol of its own there, in every process; nothing is followed by half."""
    groups = families.configured(Settings().features.families, [])
    single = tuple(group for group in groups if group.stage.name != "CROSS")
    channels = []
    for name, lanes in (("a", [0, 2]), ("b", [1])):
        channel = MemoryChannel()
        flow = assemble(settings(registry), LanesOf(FileSource(renamed, lanes=3), lanes), role=Shard(name, channel))
        flow.pipeline.run()
        flow.store.flush()
        stored = list(flow.store.query("SELECT * FROM events WHERE kind = 'renamed'"))
        assert all("run fused" in row["details"] for row in stored)
        channels.append(channel)
    source = MemoryRows(channels, fingerprint(single), sum(len(group.columns) for group in single))
    joined = assemble(settings(registry), source, role=Joined(("a", "b"), 0))
    joined.pipeline.run()
    joined.store.flush()
    first = next(iter(joined.store.query("SELECT min(bar_sequence) AS n FROM bars WHERE symbol = 'AAA'")))
    assert first["n"] == 1
    assert np.isin(["SYN001", "SYN004", "AAA"], joined.universe.names).all()
