"""A feature history is what one run over everything computes, to the bit, however it was built and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflows.assembly.feature_groups import groups_of
from dataflows.feature_history.build import Build
from dataflows.feature_history.manifest import BuildMismatch, Manifest
from dataflows.feature_history.plan import Report
from dataflows.feature_history.replay import Input
from dataflows.feature_history.shard import shards_of
from dataflows.feature_history.store import FeatureStore, NoHistory, open_store
from dataflows.feature_history.survey import survey
from dataflows.history import feature_history
from dataflows.interfaces import EndOfInput
from dataflows.messages.encode import encode_event
from dataflows.sources.synthetic import SyntheticMarket
from features.catalogue import column_fingerprint
from models.data.dataset import DatasetBuilder, build_dataset
from ops.settings import Settings, load
from schema.bars import Bars, concat_bars
from schema.events import Event, EventKind
from schema.features import FeatureRows
from schema.ticks import KINDS, concat, take
from schema.timeframes import SECOND, parse_timeframe
from tests.ops.commands import ROOT, clean_environment

CHOSEN = ("features.families=calendar,cross_asset", "universe.leaders=SYN003", "order.bound_ms=30")
MIDNIGHT = 1_704_153_600 * SECOND  # 2024-01-02
KIND_NAMES = {number: name for name, number in KINDS.items()}


def settings(*more: str) -> Settings:
    return load([], [*CHOSEN, "bars.timeframes=1s,5s", *more], {}, {})


@pytest.fixture(scope="module")
def ticks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven symbols around a midnight, with broken, late and disordered ticks; all but one begin 5 s later."""
    market = SyntheticMarket(7, rate=4.0, start_ns=MIDNIGHT - 60 * SECOND, duration_s=120, faults=0.01)
    parts = []
    try:
        while (arrivals := market.next_batch()) is not None:
            parts.append(arrivals.ticks)
    except EndOfInput:
        rows = concat(parts)
    rows = take(rows, (rows.symbol == 0) | (rows.ts_event > MIDNIGHT - 55 * SECOND))
    columns = {name: pa.array(column) for name, column in rows._asdict().items() if name not in ("offset", "index")}
    columns["symbol"] = pa.array([market.names[k] if k >= 0 else None for k in rows.symbol])
    columns["kind"] = pa.array([KIND_NAMES.get(k, "imbalance") for k in rows.kind.tolist()])
    path = tmp_path_factory.mktemp("ticks") / "ticks.parquet"
    pq.write_table(pa.table({name: columns[name] for name in columns if name != "lane"}), path)
    return path


@pytest.fixture(scope="module")
def whole(ticks: Path) -> tuple[Bars, FeatureRows]:
    """One run over everything."""
    return run_over(Input((ticks,)), settings())


def run_over(ticks: Input, chosen: Settings) -> tuple[Bars, FeatureRows]:
    parts = [
        (bars, FeatureRows(rows.values.copy(), rows.why.copy()))
        for bars, rows in feature_history(chosen, ticks.open(chosen))
    ]
    rows = [rows for _, rows in parts]
    joined = FeatureRows(np.concatenate([r.values for r in rows]), np.concatenate([r.why for r in rows]))
    return concat_bars([bars for bars, _ in parts]), joined


def build(ticks: Path, out: Path, workers: int = 1, chosen: Settings | None = None, resume: bool = False) -> Report:
    return Build(chosen or settings(), Input((ticks,)), out, workers, resume=resume).run()


def assert_same_bits(
    store: FeatureStore, timeframe: int, bars: Bars, rows: FeatureRows, names: list[str] | None = None
) -> None:
    """Compare every column of the files with a run's."""
    mine = np.flatnonzero(bars.timeframe == timeframe)
    table = store.read(columns=[*store.columns, "validity", "bar_sequence", "open", "close", "flags", "mid", "start"])
    assert table.num_rows == len(mine) > 100
    np.testing.assert_array_equal(table["time"].cast("int64").to_numpy(), bars.time[mine])
    assert table["symbol"].to_pylist() == [(names or store.symbols)[k] for k in bars.symbol[mine]]
    for name, column in (("bar_sequence", bars.sequence), ("flags", bars.flags)):
        np.testing.assert_array_equal(table[name].to_numpy(), column[mine])
    for name in ("open", "close", "mid"):
        assert table[name].to_numpy().tobytes() == getattr(bars, name)[mine].tobytes()
    for k, name in enumerate(store.columns):
        assert table[name].null_count == 0
        assert table[name].to_numpy().tobytes() == rows.values[mine, k].tobytes(), name
    assert b"".join(table["validity"].to_pylist()) == rows.why[mine].tobytes()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_build_is_one_run_over_everything(
    ticks: Path, whole: tuple[Bars, FeatureRows], tmp_path: Path, workers: int
) -> None:
    report = build(ticks, tmp_path / "out", workers)
    assert (report.complete, report.rows, report.days, report.shards) == (True, len(whole[0].time), 2, workers)
    for k, timeframe in enumerate(("1s", "5s")):
        store = open_store(tmp_path / "out", timeframe)
        assert store.columns == tuple(c.name for group in groups_of(settings()) for c in group.columns)
        assert store.fingerprint == report.fingerprint
        assert_same_bits(store, k, *whole)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["_build.json", "timeframe=1s", "timeframe=5s"]


def test_a_history_with_a_split_and_a_dividend_is_one_run_too(ticks: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    found = [
        Event(MIDNIGHT - 20 * SECOND + 3, EventKind.SPLIT, "SYN001", details={"ratio": 1.2}),
        Event(MIDNIGHT + 10 * SECOND, EventKind.DIVIDEND, "SYN003", details={"amount": 0.5}),
    ]
    events.write_bytes(b"\n".join(map(encode_event, found)))
    given = Input((ticks, events))
    bars, rows = run_over(given, settings())
    Build(settings(), given, tmp_path / "out", 2).run()
    store = open_store(tmp_path / "out", "1s")
    assert_same_bits(store, 0, bars, rows)
    basis = store.read(columns=["basis"])["basis"].to_numpy()
    np.testing.assert_array_equal(basis, bars.basis[bars.timeframe == 0])
    assert len(np.unique(basis)) == 3


def test_a_renamed_symbol_is_one_history_under_its_first_name(
    ticks: Path, whole: tuple[Bars, FeatureRows], tmp_path: Path
) -> None:
    """The file that has the new names gives what the file without them gives: a symbol's names share a shard."""
    since, moves = MIDNIGHT - 20 * SECOND + 3, {"SYN001": "AAA", "SYN002": "SYN004", "SYN004": "SYN002"}
    table, given = pq.read_table(ticks), tmp_path / "renamed.parquet"
    renamed = [
        moves.get(name, name) if time >= since else name
        for name, time in zip(table["symbol"].to_pylist(), table["ts_event"].to_pylist())
    ]
    pq.write_table(table.set_column(table.schema.get_field_index("symbol"), "symbol", pa.array(renamed)), given)
    events = tmp_path / "events.jsonl"
    found = [Event(since, EventKind.RENAMED, old, details={"to": new}) for old, new in moves.items()]
    events.write_bytes(b"\n".join(map(encode_event, found)))
    report = Build(settings(), Input((given, events)), tmp_path / "out", 3).run()
    assert report.shards == 3
    first_names = list(survey(settings(), Input((ticks,)).open(settings())).ticks)
    assert_same_bits(open_store(tmp_path / "out", "1s"), 0, *whole, first_names)


def test_lanes_and_listed_symbols_change_nothing_either(ticks: Path, tmp_path: Path) -> None:
    chosen = settings("order.lanes=3", "universe.symbols=SYN004,SYN001,SYN003,SYN000")
    build(ticks, tmp_path / "out", 2, chosen)
    assert_same_bits(open_store(tmp_path / "out", "1s"), 0, *run_over(Input((ticks,)), chosen))


@pytest.mark.slow
def test_a_killed_build_goes_on(ticks: Path, whole: tuple[Bars, FeatureRows], tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = [
        kill_when(ticks, out, lambda: any(out.glob("_staging/shard-*/checkpoints/*.checkpoint"))),
        kill_when(ticks, out, lambda: any(out.glob("timeframe=*/date=*/*.parquet"))),
    ]
    assert build(ticks, out, 2, resume=True).complete
    assert any(killed), "both calls were done before they could be killed"
    assert_same_bits(open_store(out, "1s"), 0, *whole)


def kill_when(ticks: Path, out: Path, reached: object) -> bool:
    """Start or resume a build, kill -9 its leader once it came somewhere; return whether it still ran."""
    assert callable(reached)
    program = [sys.executable, "-c", "from ops.cli import main; main()", "features", "build", str(ticks), "--json"]
    more = ["--out", str(out), "--timeframe", "1s,5s", "--workers", "2", *(["--resume"] if out.exists() else [])]
    for option in (*CHOSEN, "checkpoint.every_s=0.001"):
        more += ["--set", option]
    leader = subprocess.Popen(program + more, cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL)
    while leader.poll() is None and not reached():
        time.sleep(0.002)
    still_ran = leader.poll() is None
    if still_ran:
        os.kill(leader.pid, signal.SIGKILL)
    leader.wait()
    time.sleep(0.5)  # its workers die with it
    return still_ran


def test_a_drained_build_says_so_and_goes_on(ticks: Path, whole: tuple[Bars, FeatureRows], tmp_path: Path) -> None:
    looks = iter(range(1000))
    asked = lambda: next(looks) > 3  # noqa: E731
    drained = Build(settings(), Input((ticks,)), tmp_path / "out", 2, asked=asked).run()
    assert not drained.complete
    assert build(ticks, tmp_path / "out", 2, resume=True).complete
    assert_same_bits(open_store(tmp_path / "out", "5s"), 1, *whole)


def test_another_build_in_the_folder_is_refused(ticks: Path, tmp_path: Path) -> None:
    build(ticks, tmp_path / "out")
    before = Manifest.read_from(tmp_path / "out", Build(settings(), Input((ticks,)), tmp_path, 1).plan, True)
    assert before is not None and before.complete
    with pytest.raises(BuildMismatch, match="--resume"):
        build(ticks, tmp_path / "out")
    with pytest.raises(BuildMismatch, match=r"bars .*1s.*resume with the files and settings"):
        build(ticks, tmp_path / "out", chosen=settings("bars.timeframes=1s"), resume=True)
    assert build(ticks, tmp_path / "out", resume=True).rows == sum(before.days.values())


def test_as_of_never_sees_what_closed_later(ticks: Path, tmp_path: Path) -> None:
    build(ticks, tmp_path / "out")
    store = open_store(tmp_path / "out", "5s")
    table = store.read(columns=["validity", "absolute_dispersion"])
    rows = list(zip(table["symbol"].to_pylist(), table["time"].cast("int64").to_pylist(), strict=True))
    random = np.random.default_rng(1)
    times = MIDNIGHT + random.integers(-70, 70, 300) * SECOND + random.integers(0, 2, 300)
    symbols = [str(name) for name in random.choice([*store.symbols, "NOBODY"], 300)]
    answer = store.as_of(times, symbols, 20 * SECOND, ["absolute_dispersion"])
    for k in range(300):
        known = [at for at, (name, when) in enumerate(rows) if name == symbols[k] and when <= times[k]]
        fits = bool(known) and times[k] - rows[known[-1]][1] <= 20 * SECOND
        assert answer.found[k] == fits
        if fits:
            assert answer.time[k] == rows[known[-1]][1]
            expected = table["absolute_dispersion"][known[-1]].as_py()
            assert np.array_equal(answer.values[k, 0], expected, equal_nan=True)
            place = store.columns.index("absolute_dispersion")
            assert answer.why[k, 0] == table["validity"][known[-1]].as_py()[place]
        else:
            assert np.isnan(answer.values[k, 0]) and answer.why[k, 0] != 0
    assert 50 < answer.found.sum() < 250


def test_reads_are_of_the_asked_rows_and_columns(ticks: Path, whole: tuple[Bars, FeatureRows], tmp_path: Path) -> None:
    build(ticks, tmp_path / "out")
    store = open_store(tmp_path / "out", "1s")
    some = store.read(["SYN002", "SYN005"], MIDNIGHT - 3 * SECOND, MIDNIGHT + 2 * SECOND, ["close"])
    assert some.column_names == ["time", "symbol", "close"]
    assert set(some["symbol"].to_pylist()) == {"SYN002", "SYN005"}
    assert sorted(set(some["time"].cast("int64").to_pylist())) == [MIDNIGHT + k * SECOND for k in range(-3, 2)]
    with pytest.raises(NoHistory, match="nonsense"):
        store.read(columns=["nonsense"])
    with pytest.raises(NoHistory, match=r"1h.*\['1s', '5s'\]"):
        open_store(tmp_path / "out", "1h")


def test_busy_symbols_are_dealt_first() -> None:
    assert shards_of({"A": 1, "B": 9, "C": 5, "D": 5}, 2) == [["B", "A"], ["C", "D"]]
    assert shards_of({"A": 1}, 3) == [["A"]]


@pytest.mark.slow
def test_the_training_set_is_the_one_from_replay(data_folder: Path, tmp_path: Path) -> None:
    chosen = load([], ["features.families=statistical,cross_asset", "bars.timeframes=1m", "bars.calendar=XNYS"], {}, {})
    day = Input((data_folder / "us-equities-2013-10-08.parquet",), None, 1_381_244_400 * SECOND)
    assert Build(chosen, day, tmp_path / "out", 2).run().complete
    groups = groups_of(chosen)
    prints = {c.name: column_fingerprint(group, c) for group in groups for c in group.columns}
    builder = DatasetBuilder(list(prints), prints, parse_timeframe("1m"), 0)
    replayed = build_dataset(feature_history(chosen, day.open(chosen)), builder)
    read = open_store(tmp_path / "out").training_set()
    assert (read.columns, read.fingerprints, read.required) == (replayed.columns, prints, replayed.required)
    assert np.isfinite(read.returns).any()
    for field in ("time", "symbol", "values", "eligible", "sigma", "price", "returns", "label_end", "past"):
        assert getattr(read, field).tobytes() == getattr(replayed, field).tobytes(), field
