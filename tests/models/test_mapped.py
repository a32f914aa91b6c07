from __future__ import annotations

import gc
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from models import mapped
from models.config import TrainingConfig, TreesConfig
from models.data.dataset import Dataset
from models.mapped import Spool, chunks, load, picked, resident, settle
from models.registry.registry import Registry
from models.runs.training import train
from tests.models.market import make_dataset, make_market


def in_memory(dataset: Dataset) -> Dataset:
    """The same rows in arrays of their own."""
    arrays = {f.name: np.array(v) for f in fields(dataset) if isinstance(v := getattr(dataset, f.name), np.ndarray)}
    return replace(dataset, **arrays)


def test_a_model_trained_from_files_has_the_bits_of_one_trained_in_memory(
    tmp_path: Path, small: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = (*small.trees, TreesConfig("xgboost", mean_trees=10, variance_trees=5, least_rows_a_leaf=50))
    nets = tuple(replace(net, epochs=2) for net in small.nets)
    config = replace(small, trees=trees, nets=nets, columns=4)
    dataset = make_dataset(make_market(8, 700, planted=0.4))
    train(in_memory(dataset), config, tmp_path / "memory")
    monkeypatch.setattr(mapped, "CHUNK", 4096)  # many chunks, cut in odd places
    train(dataset, replace(config, memory=0), tmp_path / "files")  # given back after each of them
    memory, files = (Registry(tmp_path / name).list()[0] for name in ("memory", "files"))
    assert memory.checksums == files.checksums
    assert len(memory.checksums) == 6  # a net, mean and variance of two kinds of trees, the reference of drift
    assert memory.metrics == files.metrics
    assert memory.columns == files.columns


def test_what_is_resident_keeps_within_the_budget() -> None:
    spool = Spool(np.float32, (1024,))
    for _ in range(64):
        spool.append(np.ones((256, 1024), np.float32))  # 64 MB in all
    array = spool.array()

    def resident_mb() -> int:
        found = re.search(r"RssFile:\s+(\d+)", Path("/proc/self/status").read_text())
        assert found
        return int(found.group(1)) // 1024

    before = resident_mb()
    with resident(1000):
        assert sum(float(array[part].sum()) for part in chunks(len(array), 4096)) == array.size
        whole = resident_mb()
    with resident(4):
        settle()
        most = max(resident_mb() for part in chunks(len(array), 4096) if array[part].sum())
    assert whole - before > 60
    assert most - before < 24  # the budget and a chunk of 16 MB


def test_a_spool_without_a_name_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(np.int64, folder=tmp_path)
    for part in np.split(np.arange(1000), [1, 400, 400, 999]):
        spool.append(part)
    array = spool.array()
    np.testing.assert_array_equal(array, np.arange(1000))
    assert list(tmp_path.iterdir()) == []
    del array, spool
    gc.collect()  # closes the file, without a ResourceWarning


def test_a_stray_write_stays_out_of_the_file(tmp_path: Path) -> None:
    spool = Spool(np.float64, (3,), path=tmp_path / "rows")
    spool.append(np.arange(30.0).reshape(10, 3))
    spool.array()[:] = -1
    np.testing.assert_array_equal(load(tmp_path / "rows", np.float64, (10, 3)), np.arange(30.0).reshape(10, 3))
    with pytest.raises(ValueError, match=r"240 bytes, expected 264 of \(11, 3\) float64"):
        load(tmp_path / "rows", np.float64, (11, 3))


def test_an_array_without_rows_needs_no_file() -> None:
    assert Spool(np.float32, (5,)).array().shape == (0, 5)


def test_picked_rows_come_in_their_order() -> None:
    array, rows = np.arange(40_000.0).reshape(-1, 4), np.random.default_rng(1).permutation(10_000)
    np.testing.assert_array_equal(picked(array, rows), array[rows])
