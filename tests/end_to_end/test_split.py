"""Feature processes and an inference process give what one process gives, however their messages come."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path

import numpy as np
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.assembly.feature_groups import single_symbol
from dataflows.assembly.flow import Flow
from dataflows.interfaces import EndOfInput
from dataflows.messages.encode import encode_event
from dataflows.sinks.bus import NullBus
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from dataflows.sources.stored_run import StoredRun
from dataflows.sources.synthetic import SyntheticMarket
from dataflows.split.message import decode
from dataflows.split.roles import Joined, Shard
from dataflows.split.series import RowsLost
from dataflows.stored import open_place
from features import families
from features.catalogue import fingerprint
from ops.commands.replay_stored import as_decided
from ops.settings import Settings, load
from schema.bars import BarFlag
from schema.events import DecisionKind, Event, EventKind
from schema.timeframes import SECOND
from tests.end_to_end.runs import TIMEFRAMES
from tests.end_to_end.split_runs import LanesOf, MemoryChannel, MemoryRows

LANES = 5
SHARES = {"a": [0, 3], "b": [1], "c": [2, 4]}
NAMES = tuple(SHARES)
GROUPS = families.configured(Settings().features.families, [])
SINGLE = single_symbol(GROUPS)
WIDTH = sum(len(group.columns) for group in SINGLE)


def settings(registry: Path, model: str = "active", store: str = "memory:", ticks: bool = False) -> Settings:
    return load(
        [],
        [f"bars.timeframes={TIMEFRAMES}", f"store.url={store}", "bus.url=null:", f"registry.root={registry}",
         f"inference.model={model}", f"store.ticks={str(ticks).lower()}"],
        {}, {},
    )  # fmt: skip


def shard(name: str, ticks: Path, registry: Path, batch: int = 700) -> tuple[Flow, MemoryChannel]:
    channel = MemoryChannel()
    source = LanesOf(FileSource(files(ticks), batch_size=batch, lanes=LANES), SHARES[name])
    return assemble(settings(registry), source, role=Shard(name, channel)), channel


def joined(channels: list[MemoryChannel], registry: Path, seed: int = 0, deadline_ns: int = 0, now: int = 0) -> Flow:
    rows = MemoryRows(channels, fingerprint(SINGLE), WIDTH, seed)
    clock = {"clock": lambda: now} if now else {}
    return assemble(settings(registry), rows, role=Joined(NAMES, deadline_ns), **clock)


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes of twelve symbols in lanes, shuffled and with ticks beyond the bound; events lie beside them."""
    path = tmp_path_factory.mktemp("lanes") / "lanes.parquet"
    market = SyntheticMarket(12, seed=5, duration_s=300, faults=0.01, lanes=LANES)
    write_parquet(market, path)
    second = (market.start_ns // SECOND + 1) * SECOND
    events = [
        Event(
            second + 100 * SECOND, EventKind.SPLIT, "SYN001", details={"ratio": 3}
        ),  # at a close; prices don't follow
        Event(second + 150 * SECOND + 37, EventKind.SPLIT, "SYN004", details={"ratio": 1.1}),
        Event(second + 151 * SECOND + 1, EventKind.DIVIDEND, "SYN002", details={"amount": 0.5}),
        Event(second + 190 * SECOND + 9, EventKind.DIVIDEND, "SYN002", details={"amount": 0.25}),
        Event(second + 201 * SECOND + 5, EventKind.CANCEL, "SYN003", details={"time": second + 200 * SECOND}),
        Event(second + 240 * SECOND, EventKind.SPLIT, "SYN009", details={"ratio": 0.9}),
    ]
    path.with_name("events.jsonl").write_bytes(b"\n".join(map(encode_event, events)))
    return path


def files(ticks: Path) -> list[Path]:
    return [ticks, ticks.with_name("events.jsonl")]


@pytest.fixture(scope="module")
def fused(ticks: Path, registry: Path) -> Flow:
    flow = assemble(settings(registry), FileSource(files(ticks), lanes=LANES))
    flow.pipeline.run()
    return flow


@pytest.fixture(scope="module")
def channels(ticks: Path, registry: Path) -> list[MemoryChannel]:
    """What three undisturbed shards send."""
    runs = [shard(name, ticks, registry) for name in NAMES]
    for flow, _ in runs:
        flow.pipeline.run()
        assert flow.tally.counts.bars > 500, "each shard has a share"
    return [channel for _, channel in runs]


def test_the_events_take_effect(fused: Flow) -> None:
    rows = {
        row["symbol"] + row["kind"]: json.loads(row["details"]) for row in fused.store.query("SELECT * FROM events")
    }
    assert len(rows) == 5 and not any("ignored" in details for details in rows.values())
    assert rows["SYN002dividend"]["ratio"] > 1.0
    (marked,) = fused.store.query(f"SELECT count(*) AS n FROM bars WHERE flags & {int(BarFlag.CORRECTED)} > 0")
    assert marked["n"] >= 1


@pytest.mark.parametrize("seed", range(3))
def test_the_certificate_is_that_of_one_process(
    fused: Flow, channels: list[MemoryChannel], registry: Path, seed: int
) -> None:
    flow = joined(channels, registry, seed)
    flow.pipeline.run()
    assert flow.certifier.certificate() == fused.certifier.certificate()
    assert flow.tally.counts.predictions == fused.tally.counts.predictions > 0


def test_all_processes_share_a_namespace_of_one_store(fused: Flow, ticks: Path, registry: Path, tmp_path: Path) -> None:
    ours = settings(registry, store=f"sqlite:///{tmp_path}/store.db")
    channels = [MemoryChannel() for _ in NAMES]
    sources = [LanesOf(FileSource(files(ticks), lanes=LANES), SHARES[name]) for name in NAMES]
    flows = [
        assemble(ours, source, role=Shard(name, channel)) for name, channel, source in zip(NAMES, channels, sources)
    ]
    flows.append(assemble(ours, MemoryRows(channels, fingerprint(SINGLE), WIDTH), role=Joined(NAMES)))
    for flow in flows:
        flow.pipeline.run()
        flow.finish()
    for part in ("ticks_read", "ticks_used", "ticks_late", "bars", "predictions"):
        shares = flows[-1:] if part == "predictions" else flows[:-1]
        assert sum(getattr(flow.tally.counts, part) for flow in shares) == getattr(fused.tally.counts, part) > 0, part
    for table in ("late_ticks", "dead_letters", "bars", "predictions"):
        counts = [list(flow.store.query(f"SELECT count(*) AS n FROM {table}")) for flow in (flows[0], fused)]
        assert counts[0] == counts[1], table
    assert {flow.store.last_committed() for flow in flows} == {flow.pipeline.number for flow in flows}
    for flow in flows:
        flow.close()


def test_the_shared_store_gives_the_certificate_back(fused: Flow, ticks: Path, registry: Path, tmp_path: Path) -> None:
    """Each shard stores the ticks of its own lanes; a replay of the store is one process that reads them all."""
    ours = settings(registry, store=f"sqlite:///{tmp_path}/store.db", ticks=True)
    channels = [MemoryChannel() for _ in NAMES]
    flows = [
        assemble(ours, LanesOf(FileSource(files(ticks), lanes=LANES), SHARES[name]), role=Shard(name, channel))
        for name, channel in zip(NAMES, channels)
    ]
    flows.append(assemble(ours, MemoryRows(channels, fingerprint(SINGLE), WIDTH), role=Joined(NAMES)))
    for flow in flows:
        flow.pipeline.run()
        flow.finish()
        flow.close()
    place = open_place(ours.store.url, ours.store.namespace)
    source = StoredRun(place, batch_size=900)
    assert len(source.lanes) == LANES
    again = assemble(as_decided(settings(registry), ours, None), source, decided=place.decisions())
    again.pipeline.run()
    assert again.certifier.certificate() == fused.certifier.certificate()


def test_origins_are_those_of_the_ticks(fused: Flow, channels: list[MemoryChannel], registry: Path) -> None:
    flow = joined(channels, registry)
    flow.pipeline.run()
    columns = 'time, symbol, timeframe, bar_sequence, source, "partition", "offset", message_index'
    queries = [run.store.query(f"SELECT {columns} FROM predictions") for run in (flow, fused)]
    found, expected = ({tuple(row.values()) for row in rows} for rows in queries)
    assert found == expected


def rows_in(channel: MemoryChannel) -> int:
    return sum(len(decode(message, fingerprint(SINGLE), WIDTH).bars.time) for message in channel.messages)


def test_a_shard_that_is_killed_and_resumed_repeats_rows_that_are_dropped(
    fused: Flow, channels: list[MemoryChannel], ticks: Path, registry: Path
) -> None:
    """Three times over: each resumes at an old snapshot, with other cuts, into the same channel."""
    flow, channel = shard("a", ticks, registry)
    random = np.random.default_rng(8)
    for batch in (700, 333, 1_900):
        snapshot = copy.deepcopy(flow.pipeline.snapshot())
        for _ in range(int(random.integers(3, 7))):
            flow.pipeline.advance()
        source = LanesOf(FileSource(files(ticks), batch_size=batch, lanes=LANES), SHARES["a"])
        flow = assemble(settings(registry), source, role=Shard("a", channel))
        flow.pipeline.restore(snapshot)
    flow.pipeline.run()
    assert rows_in(channel) > rows_in(channels[0])
    flow = joined([channel, *channels[1:]], registry, 5)
    flow.pipeline.run()
    assert flow.certifier.certificate() == fused.certifier.certificate()


def test_the_inference_process_resumes_at_any_message(
    fused: Flow, channels: list[MemoryChannel], registry: Path
) -> None:
    flow, random = joined(channels, registry, 2), np.random.default_rng(3)
    for seed in range(4):
        try:
            for _ in range(int(random.integers(5, 120))):
                flow.pipeline.advance()
        except EndOfInput:
            break
        snapshot = copy.deepcopy(flow.pipeline.snapshot())
        for _ in range(3):
            flow.pipeline.advance()
        flow = joined(channels, registry, 10 + seed)
        flow.pipeline.restore(snapshot)
    flow.pipeline.run()
    assert flow.certifier.certificate() == fused.certifier.certificate()


def test_rows_that_are_missing_are_noticed(channels: list[MemoryChannel], registry: Path) -> None:
    holed, half = MemoryChannel(), len(channels[1].messages) // 2
    holed.messages = channels[1].messages[:half] + channels[1].messages[half + 1 :]
    flow = joined([channels[0], holed, channels[2]], registry)
    with pytest.raises(RowsLost, match="follows bar"):
        flow.pipeline.run()


def test_a_dead_shard_does_not_stop_the_others(channels: list[MemoryChannel], registry: Path) -> None:
    dead = MemoryChannel()
    dead.messages = channels[1].messages[: len(channels[1].messages) // 2]
    rows, now = MemoryRows([channels[0], dead, channels[2]], fingerprint(SINGLE), WIDTH), [1]
    role = Joined(NAMES, deadline_ns=SECOND)
    flow = assemble(settings(registry, "none"), rows, role=role, clock=lambda: now[0])
    while not (rows.ended[0] and rows.ended[2]) or flow.barrier.barrier.waiting:
        flow.pipeline.advance()
        now[0] += SECOND * (rows.ended[0] and rows.ended[2])
    decisions = [row for row in flow.store.query("SELECT * FROM decisions") if row["kind"] == DecisionKind.DEADLINE]
    assert {row["subject"] for row in decisions} == {"b"}
    marked = list(flow.store.query(f"SELECT * FROM bars WHERE flags & {int(BarFlag.INCOMPLETE)} > 0"))
    assert marked and {row["time"] for row in marked} <= {row["time"] for row in decisions}


def test_a_checkpoint_of_a_shard_counts_when_its_rows_are_in_the_channel(
    ticks: Path, registry: Path, tmp_path: Path
) -> None:
    """Rows that a broker never had would be missing for ever: the shard resumes behind them."""
    channel = MemoryChannel()
    durable = channel.acknowledged
    channel.acknowledged = lambda: 0  # type: ignore[method-assign]
    source = LanesOf(FileSource(files(ticks), batch_size=700, lanes=LANES), SHARES["a"])
    ours = settings(registry)
    flow = assemble(ours, source, checkpoint_folder=tmp_path / "checkpoints", role=Shard("a", channel))
    checkpoints = flow.pipeline.checkpoints
    assert checkpoints is not None
    flow.pipeline.checkpoint_every = 0.0
    for _ in range(5):
        flow.pipeline.advance()
    until = time.monotonic() + 10.0
    while not list((tmp_path / "checkpoints").glob("*.pending")) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)
    assert flow.store.acknowledged() == 5 and checkpoints.counted == 0
    channel.acknowledged = durable  # type: ignore[method-assign]
    checkpoints.finish()
    assert checkpoints.counted > 0
    flow.close()


def test_a_shard_leaves_the_stream_of_predictions_alone(ticks: Path, registry: Path) -> None:
    """A new shard's start would empty it, and the inference process has published into it."""
    source = LanesOf(FileSource(files(ticks), lanes=LANES), SHARES["a"])
    ours = load([], ["bus.url=memory:", "store.url=memory:", f"registry.root={registry}"], {}, {})
    flow = assemble(ours, source, role=Shard("a", MemoryChannel()))
    assert isinstance(flow.bus, NullBus)
    flow.close()
