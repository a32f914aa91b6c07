"""Disks that are really full, under the checkpoints, the spool and the embedded store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from dataflows.checkpoints import file as checkpoint_file
from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.sinks.errors import StoreUnavailable
from dataflows.sinks.questdb import spool
from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.questdb.progress import Progress
from dataflows.sinks.questdb.spool import Appender, Kind, records
from dataflows.sinks.questdb.store import QuestDbStore
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sources.recording import write_parquet
from dataflows.sources.synthetic import SyntheticMarket
from tests.bad_luck.disks import fill, left, small_disk
from tests.end_to_end.runs import LIVE_SETTINGS
from tests.ops.commands import undertone
from tests.servers import QuestDb
from tests.sinks.conftest import new_namespace, questdb_url
from tests.sinks.rows import bars_of
from tests.sinks.test_spool import rows

ROWS = 200


def test_a_checkpoint_that_finds_no_room_leaves_the_older_ones_and_says_where(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 1024) as disk:
        checkpoints = Checkpoints(disk / "live", acknowledged=lambda: 1 << 40)
        checkpoints.cut({"number": 1, "state": np.arange(30_000)}, 1)
        checkpoints.finish()
        ballast = fill(disk)
        checkpoints.cut({"number": 2, "state": np.arange(30_000)}, 2)
        with pytest.raises(OSError, match="No space left on device") as caught:
            checkpoints.finish()
        assert caught.value.filename.endswith("2.part")
        assert [path.name for path in (disk / "live").iterdir() if path.name != "lock"] == [
            "0000000000000001.checkpoint"
        ]
        ballast.unlink()
        checkpoints.cut({"number": 3, "state": np.arange(30_000)}, 3)
        checkpoints.finish()
        found, complaints = checkpoints.newest()
        assert found is not None and (found["number"], complaints) == (3, [])
        checkpoints.close()


@pytest.mark.slow
def test_a_run_on_a_full_disk_ends_with_75_and_goes_on_once_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "undertone.toml").write_text(LIVE_SETTINGS)
    (tmp_path / "var").mkdir()
    write_parquet(SyntheticMarket(4, seed=2, duration_s=60), tmp_path / "ticks.parquet")
    with small_disk(tmp_path / "disk", 2048) as disk:
        arguments = ("run", "--source", "ticks.parquet", "--json", "--set", f"checkpoint.directory={disk}")
        ballast = fill(disk)
        full = undertone(*arguments, folder=tmp_path)
        assert full.returncode == 75, full.stderr
        assert "No space left on device; make room" in full.stderr and "Traceback" not in full.stderr
        ballast.unlink()
        done = undertone(*arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert list((disk / "live").glob("*.checkpoint"))
        assert checkpoint_file.read(sorted((disk / "live").glob("*.checkpoint"))[-1])["number"] > 0


def test_the_embedded_store_on_a_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4096) as disk:
        store, reached = SqliteStore(disk / "store.db"), 0
        with pytest.raises(StoreUnavailable, match=r"make room.*then resume") as caught:
            for number in range(1, 2_000):
                store.append("bars", bars_of(ROWS, ROWS * number), number)
                store.commit(number)
                store.flush()
                reached = number
        assert caught.value.exit_code == 75
        assert store.acknowledged() == reached > 0
        store.close()
        with (
            closing(sqlite3.connect(tmp_path / "copy.db")) as copy,
            closing(sqlite3.connect(disk / "store.db")) as full,
        ):
            full.backup(copy)
            assert copy.execute("SELECT count(*) FROM bars").fetchone() == (reached * ROWS,)
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        again = SqliteStore(tmp_path / "copy.db")  # moved to a disk with room
        assert again.last_committed() == reached
        again.append("bars", bars_of(ROWS, ROWS * (reached + 1)), reached + 1)
        again.commit(reached + 1)
        again.flush()
        again.close()


def test_the_spool_on_a_full_disk_keeps_whole_records_and_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 512) as disk:
        appender, written = Appender(disk), 0
        with pytest.raises(StoreUnavailable, match=r"No space left on device: make room on its disk") as caught:
            for number in range(1, 10_000):
                appender.append(Kind.ROWS, number, rows(number, 100))
                written = number
        assert caught.value.exit_code == 75 and written > 10
        position = appender.position
        spool.make_durable(disk, 0, position)
        assert [record.sequence for record in records(disk, 0, position)] == list(range(1, written + 1))
        appender.close()
        again = Appender(disk)
        assert again.position == position, "what was half written is cut off"
        again.close()


def test_the_spools_progress_on_a_full_disk_is_an_error_and_no_signal(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64) as disk:
        fill(disk)
        with pytest.raises(OSError, match="No space left on device"):
            Progress(disk / "progress")


@pytest.mark.slow
def test_a_full_disk_under_the_spool_stops_the_flow_and_the_next_start_has_all(
    tmp_path: Path, questdb: QuestDb
) -> None:
    namespace, reached = new_namespace(), 0
    with small_disk(tmp_path / "disk", 2048) as disk:
        options = QuestDbOptions(disk, patience=60.0, segment_bytes=256 << 10)
        store = QuestDbStore(questdb_url(questdb), namespace, options=options)
        store.append("bars", bars_of(ROWS, ROWS), 1)
        store.commit(1)
        store.flush()
        fill(disk)
        assert left(disk) < 8192
        with pytest.raises(StoreUnavailable, match=r"make room on its disk|can't be made"):
            for number in range(2, 2_000):
                store.append("bars", bars_of(ROWS, ROWS * number), number)
                store.commit(number)
                store.flush()
                reached = number
        reached = max(reached, store.acknowledged())
        store.close()
        (disk / "ballast").unlink()
        again = QuestDbStore(questdb_url(questdb), namespace, options=options)
        assert again.last_committed() >= reached >= 1
        for number in range(again.last_committed() + 1, reached + 20):
            again.append("bars", bars_of(ROWS, ROWS * number), number)
            again.commit(number)
        again.flush()
        found = [row["time"] for row in again.query("SELECT time FROM bars ORDER BY time")]
        assert found == bars_of((reached + 19) * ROWS, ROWS)["time"].tolist()
        again.close()
