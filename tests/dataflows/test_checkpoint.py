"""Checkpoints: whole or not there, newest first, and only once the sinks have caught up."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from dataflows.checkpoints.checkpoint import Checkpoints
from dataflows.checkpoints.file import Arena, DamagedCheckpoint, read, write
from dataflows.checkpoints.folder_lock import AlreadyRunning, holder
from features.bar_state import symbol_records
from tests.ops.commands import clean_environment

STATE = {
    "stations": {"a": {"x": np.arange(12.0).reshape(3, 4), "flags": np.array([True, False])}, "empty": {}},
    "records": symbol_records(3),
    "nothing": np.zeros((0, 5), np.float32),
    "number": np.int64(7),
    "words": ["a", None, 1.5, {"deep": np.array(3)}],
}


def same(a: object, b: object) -> None:
    if isinstance(a, dict):
        assert isinstance(b, dict)
        assert a.keys() == b.keys()
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list):
        assert isinstance(b, list)
        assert len(a) == len(b)
        for one, other in zip(a, b):
            same(one, other)
    elif isinstance(a, np.ndarray):
        assert isinstance(b, np.ndarray)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()
    else:
        assert a == b


def saved(path: Path) -> Path:
    write(path, *Arena().copy(STATE))
    return path


def test_a_file_gives_back_every_bit(tmp_path: Path) -> None:
    same(read(saved(tmp_path / "1.checkpoint")), STATE)


def test_a_cut_is_not_touched_by_what_comes_after(tmp_path: Path) -> None:
    array = np.arange(5)
    tree, body = Arena().copy({"x": array})
    array[:] = 0
    write(tmp_path / "1.checkpoint", tree, body)
    assert read(tmp_path / "1.checkpoint")["x"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("where", [0, 5, 30, 200, -1, -100])
def test_any_flipped_byte_is_noticed(tmp_path: Path, where: int) -> None:
    path = saved(tmp_path / "1.checkpoint")
    raw = bytearray(path.read_bytes())
    raw[where] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(DamagedCheckpoint, match=r"1\.checkpoint: .*remove it"):
        read(path)


@pytest.mark.parametrize("length", [0, 10, 40, 300, -1])
def test_a_cut_short_file_is_noticed(tmp_path: Path, length: int) -> None:
    path = saved(tmp_path / "1.checkpoint")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedCheckpoint):
        read(path)


def test_it_counts_only_once_the_sinks_acknowledged(tmp_path: Path) -> None:
    stored = [3]
    checkpoints = Checkpoints(tmp_path, lambda: stored[0])
    checkpoints.cut({"number": 5}, 5)
    time.sleep(0.1)
    assert checkpoints.busy
    assert checkpoints.newest() == (None, [])
    stored[0] = 5
    checkpoints.finish()
    assert checkpoints.newest() == ({"number": 5}, [])
    checkpoints.close()


def test_a_resumed_run_that_nothing_arrives_at_can_be_drained(tmp_path: Path) -> None:
    """The store of the new process has acknowledged nothing yet, and has everything that the checkpoint counted on."""
    first = Checkpoints(tmp_path, lambda: 5)
    first.cut({"number": 5}, 5)
    first.finish()
    first.close()
    again = Checkpoints(tmp_path, lambda: 0)
    assert again.newest() == ({"number": 5}, [])
    again.cut({"number": 5}, 5)
    again.finish()
    again.cut({"number": 6}, 6)
    time.sleep(0.05)
    assert again.busy
    again.acknowledged = lambda: 6
    again.finish()
    again.close()


def test_the_newest_whole_one_that_fits_is_taken_and_five_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, lambda: 100)
    for number in range(1, 8):
        checkpoints.cut({"number": number}, number)
        checkpoints.finish()
    files = sorted(tmp_path.glob("*.checkpoint"))
    assert [int(path.stem) for path in files] == [3, 4, 5, 6, 7]
    files[-1].write_bytes(b"junk")
    newest, complaints = checkpoints.newest(lambda snapshot: snapshot["number"] < 6)
    assert newest == {"number": 5}
    assert len(complaints) == 2
    assert "0007.checkpoint" in complaints[0]
    assert "store" in complaints[1]
    checkpoints.close()


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, lambda: 0)
    with pytest.raises(AlreadyRunning, match="another namespace"):
        Checkpoints(tmp_path, lambda: 0)
    assert holder(tmp_path) == os.getpid()
    checkpoints.close()
    assert holder(tmp_path) is None
    Checkpoints(tmp_path, lambda: 0).close()


def test_the_kernel_frees_the_folder_of_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import sys, time; from dataflows.checkpoints.folder_lock import *; lock = FolderLock(Path(sys.argv[1])); "
        "print(1, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], env=clean_environment(), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(AlreadyRunning, match=str(process.pid)):
        Checkpoints(tmp_path, lambda: 0)
    process.kill()
    process.communicate()
    Checkpoints(tmp_path, lambda: 0).close()


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    for name in ("0000000000000005.pending", "0000000000000006.part"):
        (tmp_path / name).write_bytes(b"half")
    checkpoints = Checkpoints(tmp_path, lambda: 0)
    assert checkpoints.newest() == (None, [])
    checkpoints.close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_writer_that_fails_is_heard_of(tmp_path: Path) -> None:
    def broken() -> int:
        raise OSError("the store is gone")

    checkpoints = Checkpoints(tmp_path, broken)
    checkpoints.cut({"number": 1}, 1)
    with pytest.raises(OSError, match="the store is gone"):
        checkpoints.finish()
    checkpoints.close()


def test_the_writer_runs_beside_the_flow(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, lambda: 1)
    checkpoints.cut({"x": np.zeros(1 << 20)}, 1)
    assert any(thread.name == "checkpoint" for thread in threading.enumerate())
    checkpoints.finish()
    checkpoints.close()
