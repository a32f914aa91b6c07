"""Three recorded days: a champion of the first two runs over the third, is challenged, scored and replaced.

The run is killed once on the way. No row is lost, and another run over the same ticks that obeys what was decided
gives the same rows, outcomes and scores.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dataflows.assembly.assemble import assemble
from dataflows.batch import Batch
from dataflows.history import feature_history
from dataflows.sources.files import FileSource
from dataflows.stored import Place
from models.config import preset
from models.labels import label
from models.registry.registry import Registry
from models.runs.training import train
from ops.commands.train import history_dataset
from ops.settings import load
from schema.bars import concat_bars
from schema.events import Decision
from schema.timeframes import parse_timeframe
from tests.end_to_end.runs import command, environment, stored, undertone

MINUTES = 20  # of each day, from 14:00 UTC on
CHOSEN = [
    "bars.timeframes=1s",
    "universe.symbols=AIG,BAC,IBM,SPY",
    "features.families=statistical,microstructure,calendar",
]
TABLES = ("bars", "predictions", "challenger_predictions", "outcomes", "scores")
HORIZON = 5


class Days(NamedTuple):
    files: list[Path]
    registry: Path
    champion: str
    challenger: str


@pytest.fixture(scope="module")
def days(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Slices of three days, and two versions trained on those of the first two. The champion is far too sure."""
    folder = tmp_path_factory.mktemp("days")
    files = [sliced(data_folder, day, folder) for day in ("07", "08", "09")]
    settings = load([], CHOSEN, {}, {})
    # Each day by itself: one run over both would bridge the night with empty bars.
    history = chain(*(feature_history(settings, FileSource([file])) for file in files[:2]))
    dataset = history_dataset(settings, "1s", history)
    quick = preset("quick")
    quick = replace(quick, primary=HORIZON, walk=None, nets=(replace(quick.nets[0], epochs=2),))
    champion = train(dataset, replace(quick, name="sure"), folder / "models")
    challenger = train(dataset, replace(quick, seed=2), folder / "models")
    overstate(folder / "models" / champion / "metadata.json")
    return Days(files, folder / "models", champion, challenger)


def sliced(data_folder: Path, day: str, folder: Path) -> Path:
    table = pq.read_table(data_folder / f"us-equities-2013-10-{day}.parquet")
    times = table.column("ts").cast("timestamp[ns]").cast("int64")
    start = int(np.datetime64(f"2013-10-{day}T14:00", "ns").astype(np.int64))
    inside = pc.and_(pc.greater_equal(times, start), pc.less(times, start + MINUTES * 60 * 10**9))
    path = folder / f"{day}.parquet"
    pq.write_table(table.filter(inside), path)
    return path


def overstate(metadata: Path) -> None:
    """Let a version's class probabilities be those of four times the evidence."""
    said = msgspec.json.decode(metadata.read_bytes())
    for member in said["members"].values():
        temperature, sideways, slope = member["class_map"]
        member["class_map"] = [4 * temperature, 4 * sideways, slope]
    metadata.write_bytes(msgspec.json.encode(said))


class Run(NamedTuple):
    store: Path
    folder: Path
    registry: Registry
    report: dict[str, Any]


def arguments(days: Days, folder: Path) -> list[str | Path]:
    chosen = [*CHOSEN, "inference.promotes=true", "inference.scores_every_s=30", "checkpoint.every_s=0.3"]
    chosen.append(f"registry.root={folder / 'models'}")
    place = ["--store", "sqlite:///rows.db", "--model", "active", "--batch-size", "200"]
    return ["replay", days.files[2], *place, *[part for setting in chosen for part in ("--set", setting)]]


@pytest.fixture(scope="module")
def run(days: Days, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Replay the third day at 60 times its pace, challenge on the way, kill, resume and go to the end."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copytree(days.registry, folder / "models")
    registry = Registry(folder / "models")
    registry.activate(days.champion)
    process = subprocess.Popen(
        [*command(*arguments(days, folder)), "--pace", "60x"], cwd=folder, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(process, lambda: count(folder, "predictions") > 400)
        undertone("models", "challenge", days.challenger, "--set", f"registry.root={registry.root}", folder=folder)
        until(process, lambda: count(folder, "challenger_predictions") > 100)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    report = undertone(*arguments(days, folder), "--resume", folder=folder)
    return Run(folder / "rows.db", folder, registry, report)


def count(folder: Path, table: str) -> int:
    path = folder / "rows.db"
    if not path.is_file():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute(f"SELECT count(*) FROM replay__{table}").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def until(process: subprocess.Popen[bytes], there: Callable[[], bool]) -> None:
    ends = time.monotonic() + 240
    while not there():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < ends
        time.sleep(0.05)


def decisions(run: Run) -> list[Decision]:
    return Place.parse(f"sqlite:///{run.store}#replay").decisions()


def column(run: Run, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(run.store)) as connection:
        return connection.execute(sql).fetchall()


def test_the_champion_is_replaced_by_the_rule_at_the_bar_on_record(days: Days, run: Run) -> None:
    started, challenge, promotion = [d for d in decisions(run) if d.kind in ("activate", "challenge")]
    assert (started.subject, challenge.subject, promotion.subject) == (days.champion, days.challenger, days.challenger)
    assert (promotion.kind, promotion.details["by"]) == ("activate", "rule")
    assert promotion.details["log_e"] >= np.log(promotion.details["e_needed"]) == np.log(2 / 0.05)
    assert run.registry.active("1s") == days.challenger
    spoke = column(run, "SELECT model_version, min(time), max(time) FROM replay__predictions GROUP BY 1 ORDER BY 2")
    assert [row[0] for row in spoke] == [days.champion, days.challenger]
    assert spoke[0][2] < promotion.time <= spoke[1][1]
    shadow = column(run, "SELECT model_version, min(time), max(time) FROM replay__challenger_predictions GROUP BY 1")
    assert [row[0] for row in shadow] == [days.challenger]
    assert challenge.time <= shadow[0][1] and shadow[0][2] < promotion.time


def test_no_row_is_lost(days: Days, run: Run, tmp_path: Path) -> None:
    """As many bars and predictions as the champion alone makes, one a symbol and bar time, each scored once."""
    chosen = [part for setting in (*CHOSEN, f"registry.root={run.registry.root}") for part in ("--set", setting)]
    alone = undertone("replay", days.files[2], "--model", days.champion, *chosen, folder=tmp_path)
    assert (run.report["bars"], run.report["predictions"]) == (alone["bars"], alone["predictions"])
    assert run.report["complete"]
    assert column(run, "SELECT count(*), count(DISTINCT time || symbol) FROM replay__predictions") == [
        (alone["predictions"], alone["predictions"])
    ]
    missing = column(
        run,
        "SELECT count(*) FROM replay__predictions p LEFT JOIN replay__outcomes o USING (time, symbol, model_version) "
        f"WHERE o.time IS NULL AND p.time < (SELECT max(time) FROM replay__bars) - {HORIZON} * 1000000000",
    )
    assert missing == [(0,)]


@pytest.fixture(scope="module")
def obeying(days: Days, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Batch], Any]]:
    """Another run over the same ticks: larger batches, never killed, obeying what the first one recorded."""
    path = tmp_path_factory.mktemp("again") / "rows.db"
    settings = load(
        [], [*CHOSEN, f"store.url=sqlite:///{path}", "store.namespace=replay", "bus.url=null:",
             "inference.scores_every_s=30", f"registry.root={run.registry.root}"], {}, {},
    )  # fmt: skip
    batches: list[Batch] = []
    source = FileSource([days.files[2]], batch_size=7_001)
    flow = assemble(settings, source, decided=decisions(run), on_batch=batches.append)
    flow.pipeline.run()
    flow.finish()
    flow.close()
    yield path, batches, flow


def test_a_run_that_obeys_the_record_gives_the_same_rows(run: Run, obeying: tuple[Path, list[Batch], Any]) -> None:
    path, _, flow = obeying
    assert flow.certifier.certificate().digest == run.report["certificate"]
    for table in TABLES:
        first, again = set(stored(run.store, table)), set(stored(path, table))
        assert first
        assert first == again, table


def test_outcomes_are_the_labels_of_the_bars(run: Run, obeying: tuple[Path, list[Batch], Any]) -> None:
    _, batches, flow = obeying
    bars = concat_bars([batch.bars for batch in batches if len(batch.bars.time)])
    labels = label(bars, HORIZON, parse_timeframe("1s")).returns[:, HORIZON - 1]
    names = flow.universe.names
    expected = {(int(t), names[s]): float(r) for t, s, r in zip(bars.time, bars.symbol, labels, strict=True)}
    rows = column(run, "SELECT time, symbol, realised_return FROM replay__outcomes")
    assert len(rows) > 1_000
    for at, symbol, realised in rows:
        found = np.nan if realised is None else realised
        assert np.array_equal(found, expected[at, symbol], equal_nan=True), (at, symbol)


def test_scores_are_means_of_the_outcomes(days: Days, run: Run) -> None:
    for version in (days.champion, days.challenger):
        ((at, n, brier, accuracy, low, high),) = column(
            run,
            "SELECT time, labelled, brier, accuracy, accuracy_low, accuracy_high FROM replay__scores "
            f"WHERE model_version = '{version}' ORDER BY time DESC LIMIT 1",
        )
        ((m, mean, right, signed),) = column(
            run,
            "SELECT count(*), avg(brier), sum(realised_return * expected_return > 0), "
            "sum(realised_return <> 0 AND expected_return <> 0) FROM replay__outcomes "
            f"WHERE model_version = '{version}' AND label IS NOT NULL AND known_at <= {at}",
        )
        assert (n, right / signed) == (m, accuracy)
        assert brier == pytest.approx(mean, rel=1e-12)
        assert low is None or low <= accuracy <= high


def test_models_list_shows_what_the_run_scored(days: Days, run: Run) -> None:
    shown = undertone("models", "list", "--set", f"registry.root={run.registry.root}",
                      "--set", f"store.url=sqlite:///{run.store}", "--set", "store.namespace=replay",
                      folder=run.folder)["models"]  # fmt: skip
    by_version = {row["version"]: row for row in shown}
    assert by_version[days.challenger]["active"]
    assert by_version[days.champion]["brier"] > by_version[days.challenger]["brier"]
