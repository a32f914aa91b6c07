"""A run's store gives its certificate back: from the first tick, and from the checkpoint archived each UTC day."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataflows import live
from dataflows.batch import Arrivals
from dataflows.certificate import Certificate
from dataflows.checkpoints.archive import newest_before
from dataflows.messages.encode import encode_event
from dataflows.sources.files import FileSource
from dataflows.sources.recording import write_parquet
from dataflows.sources.stored_run import StoredRun
from dataflows.sources.synthetic import MONDAY_2024, SyntheticMarket
from dataflows.stored import open_place
from ops.cli import main
from schema.events import Event, EventKind
from schema.timeframes import SECOND
from tests.end_to_end.runs import adds_up, environment

MIDNIGHT = MONDAY_2024 + 86_400 * SECOND
SETTINGS = """
[bars]
timeframes = ["1s", "10s", "tick:50"]
[features]
families = ["calendar", "statistical"]
[inference]
model = "none"
[store]
ticks = true
features_from_s = 0
[checkpoint]
every_s = 0.02
[metrics]
port = 0
"""
Undertone = Callable[..., tuple[int, dict[str, Any], str]]
CHECKPOINTS = Path("var/checkpoints/live")


class Pausing(FileSource):
    """Has nothing to give twenty seconds behind midnight until a checkpoint counts there, however busy the machine."""

    given, pauses_behind = 0, 0  # batches; 0: not there yet

    def next_batch(self) -> Arrivals | None:  # type: ignore[override]
        if self.given == self.pauses_behind > 0 and not self.counts():
            return None
        arrivals = super().next_batch()
        self.given += 1
        if not self.pauses_behind and (arrivals.ticks.ts_event >= MIDNIGHT + 20 * SECOND).any():
            self.pauses_behind = self.given
        return arrivals

    def counts(self) -> bool:
        """Whether a checkpoint counts that has seen all that was given."""
        return any(int(path.stem) >= self.given for path in CHECKPOINTS.glob("*.checkpoint"))


@pytest.fixture(params=[1, 3], ids=lambda lanes: f"{lanes} lanes")
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ninety seconds before midnight and as many behind it, with all faults: late, dead, outliers."""
    lanes = request.param
    market = SyntheticMarket(4, seed=8, start_ns=MIDNIGHT - 90 * SECOND, duration_s=180, faults=0.02, lanes=lanes)
    write_parquet(market, tmp_path / "ticks.parquet")
    (tmp_path / "undertone.toml").write_text(SETTINGS + f"[order]\nlanes = {lanes}\n")
    (tmp_path / "var").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name not in environment()]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(live, "FileSource", functools.partial(Pausing, batch_size=150))
    return tmp_path


@pytest.fixture
def undertone(folder: Path, capsys: pytest.CaptureFixture[str]) -> Undertone:
    def call(*arguments: str) -> tuple[int, dict[str, Any], str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*arguments, "--json"])
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, json.loads(said.out) if said.out else {}, said.err

    return call


def test_the_store_gives_the_certificate_back(folder: Path, undertone: Undertone) -> None:
    code, ran, errors = undertone("run", "--source", "ticks.parquet")
    assert code == 0, errors
    assert min(ran["ticks_late"], ran["ticks_dead"]["outlier"], ran["bars"]) > 0
    for batch_size in ("65536", "333"):
        code, again, errors = undertone("replay", "--from-store", "--batch-size", batch_size)
        assert code == 0, errors
        assert (again["certificate"], again["ticks_used"]) == (ran["certificate"], ran["ticks_used"])
    found = newest_before(folder / CHECKPOINTS, MIDNIGHT + 60 * SECOND)
    assert found is not None
    assert found[1] == "2024-01-02"
    code, again, errors = undertone("replay", "--from-store", "--from", "2024-01-02T00:01:00Z")
    assert code == 0, errors
    assert "begins at the archived checkpoint" in errors
    assert again["certificate"] == ran["certificate"]
    assert again["ticks_used"] == ran["ticks_used"]
    assert adds_up(again)


def test_events_that_were_to_come_at_the_archived_checkpoint_come_once(folder: Path, undertone: Undertone) -> None:
    """A file's events wait for their time from the first batch on; the store has them again."""
    renamed_at, split_at = MIDNIGHT + 65 * SECOND, MIDNIGHT + 75 * SECOND
    table = pq.read_table("ticks.parquet")
    names = [
        "AAA" if name == "SYN002" and time >= renamed_at else name
        for name, time in zip(table["symbol"].to_pylist(), table["ts"].cast("int64").to_pylist())
    ]
    table = table.set_column(table.schema.get_field_index("symbol"), "symbol", pa.array(names))
    pq.write_table(table, "ticks.parquet")
    events = [
        Event(renamed_at, EventKind.RENAMED, "SYN002", details={"to": "AAA"}),
        Event(split_at, EventKind.SPLIT, "AAA", details={"ratio": 1.1}),
    ]
    Path("events.jsonl").write_bytes(b"\n".join(map(encode_event, events)))
    code, ran, errors = undertone("run", "--source", "ticks.parquet,events.jsonl")
    assert code == 0, errors
    for start in ([], ["--from", "2024-01-02T00:01:00Z"]):
        code, again, errors = undertone("replay", "--from-store", *start)
        assert code == 0, errors
        assert again["certificate"] == ran["certificate"]


def test_a_start_that_no_archive_reaches_is_said(folder: Path, undertone: Undertone) -> None:
    undertone("run", "--source", "ticks.parquet", "--set", "checkpoint.archive_days=0")
    assert not (folder / CHECKPOINTS / "archive").exists()
    code, again, errors = undertone("replay", "--from-store", "--from", "2024-01-02T00:00:30Z")
    assert code == 0, errors
    assert "no archived checkpoint before" in errors
    assert again["bars"] > 0


def test_what_cannot_be_replayed_says_so(folder: Path, undertone: Undertone) -> None:
    assert undertone("replay", "--from-store")[0] == 78
    undertone("run", "--source", "ticks.parquet", "--set", "store.ticks=false")
    code, _, errors = undertone("replay", "--from-store")
    assert (code, "store.ticks=true" in errors) == (78, True)
    assert undertone("replay", "--from-store", "--namespace", "live")[0] == 2
    assert undertone("replay", "--from-store", "ticks.parquet")[0] == 2


def test_the_stored_run_knows_lanes_and_origins(folder: Path, undertone: Undertone) -> None:
    undertone("run", "--source", "ticks.parquet")
    source = StoredRun(open_place(f"sqlite:///{folder}/var/undertone.db", "live"), batch_size=100)
    source.next_batch()
    arrivals = source.next_batch()
    assert arrivals is not None
    names, partition, offset = source.origin(arrivals.ticks.lane, arrivals.ticks.offset)
    real = arrivals.ticks.kind < 2
    assert set(np.array(names)[real]) == {"ticks.parquet"}
    np.testing.assert_array_equal(partition[real], arrivals.ticks.lane[real])
    log = FileSource([folder / "ticks.parquet"], lanes=len(source.lanes)).next_batch()
    np.testing.assert_array_equal(log.ticks.ts_event[offset[real]], arrivals.ticks.ts_event[real])


def test_certificates_of_days_are_there(folder: Path, undertone: Undertone) -> None:
    undertone("run", "--source", "ticks.parquet")
    undertone("replay", "--from-store", "--checkpoint-dir", "other")
    days = {entry.day for entry in Certificate.read(folder / "other" / "replay" / "certificate.json").entries}
    assert days == {"2024-01-01", "2024-01-02"}
