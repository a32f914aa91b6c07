"""The same ticks give the same certificate, whatever the batches, the engine, the hash seed and the kills."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dataflows.assembly.assemble import assemble
from dataflows.sources.files import FileSource
from models.export.stored import add_graphs
from models.registry.registry import Registry
from ops.settings import load
from tests.end_to_end.runs import TIMEFRAMES, adds_up, command, environment, stored, undertone

SAME = ("ticks_read", "ticks_used", "ticks_late", "ticks_dead", "bars", "feature_rows", "predictions", "certificate")


def replay(ticks: Path, registry: Path, folder: Path, *more: str | Path, **environ: str) -> dict[str, Any]:
    return undertone(
        "replay", ticks, "--timeframe", TIMEFRAMES, "--set", f"registry.root={registry}", *more, folder=folder,
        **environ,
    )  # fmt: skip


def in_process(ticks: Path, registry: Path, batch_size: int, lanes: int = 1) -> dict[str, Any]:
    """Run the flow here, without the start of a process."""
    settings = load(
        [], [f"bars.timeframes={TIMEFRAMES}", "store.url=null:", "bus.url=null:", f"registry.root={registry}"], {}, {}
    )
    flow = assemble(settings, FileSource([ticks], batch_size=batch_size, lanes=lanes))
    flow.pipeline.run()
    return {**asdict(flow.tally.counts), "certificate": flow.certifier.certificate().digest}


@pytest.fixture(scope="module")
def whole(ticks: Path, registry: Path) -> dict[str, Any]:
    return in_process(ticks, registry, 65_536)


def test_the_counts_add_up_and_every_kind_of_row_is_there(whole: dict[str, Any]) -> None:
    assert adds_up(whole)
    assert min(whole[name] for name in ("ticks_late", "bars", "feature_rows", "predictions")) > 0
    assert {"bad_price", "unknown_kind", "duplicate", "outlier"} <= set(whole["ticks_dead"])


@pytest.mark.parametrize("batch_size", [257, 5_000, 1_000_000])
def test_batch_sizes(ticks: Path, registry: Path, whole: dict[str, Any], batch_size: int) -> None:
    assert in_process(ticks, registry, batch_size) == whole


def test_bytewax_in_another_process_with_another_hash_seed(
    ticks: Path, registry: Path, tmp_path: Path, whole: dict[str, Any]
) -> None:
    again = replay(ticks, registry, tmp_path, "--engine", "bytewax", "--batch-size", "4000", PYTHONHASHSEED="1")
    other = replay(ticks, registry, tmp_path, "--batch-size", "9000", PYTHONHASHSEED="4242")
    assert [again[name] for name in SAME] == [other[name] for name in SAME] == [whole[name] for name in SAME]


def test_lanes_change_what_is_late_and_nothing_with_the_batches(ticks: Path, registry: Path) -> None:
    runs = [in_process(ticks, registry, batch_size, lanes=3) for batch_size in (3_000, 50_000)]
    assert runs[0] == runs[1]
    assert adds_up(runs[0])


def test_five_kills(ticks: Path, registry: Path, tmp_path: Path) -> None:
    killed(5, ticks, ["--set", f"registry.root={registry}"], tmp_path, random.Random("synthetic"))


def test_five_kills_on_a_real_day(data_folder: Path, tmp_path: Path) -> None:
    day = data_folder / "us-equities-2013-10-08.parquet"
    killed(5, day, ["--model", "none"], tmp_path, random.Random("real"))


def test_a_kill_where_onnx_runtime_runs_the_net(ticks: Path, registry: Path, tmp_path: Path) -> None:
    """Its graph lies in the version's folder; both processes open it, and the decision on record names it."""
    root = Path(shutil.copytree(registry, tmp_path / "models"))
    active = Registry(root).active("1s")
    assert active is not None
    add_graphs(Registry(root), active)
    options = ["--set", f"registry.root={root}", "--set", "inference.executor=onnx"]
    killed(1, ticks, options, tmp_path, random.Random("onnx"))
    for name in ("whole", "killed"):
        assert [active in row and '"executor":"onnx"' in str(row).replace(" ", "")
                for row in stored(tmp_path / f"{name}.db", "decisions") if "activate" in row] == [True]  # fmt: skip


def killed(times: int, ticks: Path, options: list[str], folder: Path, rng: random.Random) -> None:
    """SIGKILL at so many random moments, a checkpoint before each, by either engine in turn; then resume.

    The certificate is that of a run without kills, and so is every row of the store: none missing, none twice.
    """
    options = ["replay", str(ticks), "--timeframe", TIMEFRAMES, *options]
    whole = undertone(
        *options, "--store", f"sqlite:///{folder / 'whole.db'}", "--checkpoint-dir", folder / "other", folder=folder
    )
    checkpoints = folder / "checkpoints"
    options += [
        "--store", f"sqlite:///{folder / 'killed.db'}", "--checkpoint-dir", str(checkpoints),
        "--set", "checkpoint.every_s=0.1",
    ]  # fmt: skip
    for kill in range(times):
        engine, resumed = ("in-process", "bytewax")[kill % 2], ["--resume"] if kill else []
        process = subprocess.Popen(
            command(*options, "--engine", engine, "--batch-size", str(rng.choice([40, 60, 90])), *resumed, "--json"),
            cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        progressed = _wait_for_progress(process, checkpoints / "replay")
        time.sleep(rng.random() * 0.5)
        process.send_signal(signal.SIGKILL)
        error = process.communicate(timeout=30)[1]
        assert process.returncode == -signal.SIGKILL, f"it ended before it was killed: {error[-1000:]}"
        assert progressed, f"no checkpoint counted before kill {kill}: nothing was proven"
    last = undertone(*options, "--resume", folder=folder)
    assert {name: last[name] for name in SAME} == {name: whole[name] for name in SAME}
    for table in ("bars", "features", "predictions", "late_ticks", "dead_letters"):
        assert stored(folder / "killed.db", table) == stored(folder / "whole.db", table), table


def _wait_for_progress(process: subprocess.Popen[str], folder: Path) -> bool:
    """Wait until a checkpoint newer than all there are now counts."""
    before = _newest(folder)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if _newest(folder) > before:
            return True
        time.sleep(0.01)
    return False


def _newest(folder: Path) -> int:
    return max((int(path.stem) for path in folder.glob("*.checkpoint")), default=0)
