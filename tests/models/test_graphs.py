"""Graphs in a version's folder: written when it is trained, checked on load, added to one that came without."""

from __future__ import annotations

import shutil
import sys
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataflows.stations import graph_writing
from dataflows.stations.graph_writing import GraphWriting
from models.config import NetConfig, TrainingConfig, preset
from models.export import stored
from models.export.stored import add_graphs
from models.export.version import TOLERANCE, ExportFailed
from models.registry.bundle import Bundle
from models.registry.registry import Registry, RegistryError
from models.runs.training import train
from models.serving.onnx_nets import NotExecutable
from ops.commands import models as command
from ops.settings import load
from tests.models.conftest import SMALL
from tests.models.market import make_dataset, make_market
from tests.models.test_executors import VERSION, N, S, said, station

TINY = replace(SMALL, graphs=True, nets=(NetConfig(options={"hidden": 12}, streams=8, chunk=32, epochs=1),), trees=(),
               weights={"gru": 1.0})  # fmt: skip


@pytest.fixture
def root(registry: Registry, tmp_path: Path) -> Path:
    """A registry of one's own, with two versions without graphs."""
    return Path(shutil.copytree(registry.root, tmp_path / "models"))


def trained(root: Path, config: TrainingConfig = TINY) -> tuple[Registry, str]:
    return Registry(root), train(make_dataset(make_market(6, 500, planted=0.4)), config, root)


def test_training_writes_the_graphs_and_loading_checks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry, version = trained(tmp_path)
    metadata, path = registry.show(version), registry.path(version) / "gru.onnx"
    assert metadata.graphs["gru"].file == "gru.onnx"
    assert max(metadata.graphs["gru"].largest_difference.values()) <= TOLERANCE
    assert metadata.graphs["gru"].written_by.startswith("torch ")
    assert "gru.onnx" in metadata.checksums
    assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()  # no folder of the machine it was made on
    assert registry.load(version).graphs == {"gru": path}

    def nothing(*_: object) -> None:
        raise AssertionError("an activation opens files")

    monkeypatch.setattr(stored, "write_graphs", nothing)
    monkeypatch.setattr("models.serving.onnx_nets._READY", OrderedDict())
    registry.activate(version)
    flow = station(tmp_path, "onnx")
    assert len(said(flow, S)) > 0
    assert flow.failures == 0

    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(RegistryError, match=r"gru\.onnx is damaged: sha256"):
        registry.load(version)


def test_without_the_exporter_training_ends_well_and_the_report_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")

    monkeypatch.setattr("models.export.version.write_onnx", missing)
    registry, version = trained(tmp_path)
    assert registry.show(version).graphs == registry.load(version).graphs == {}
    report = (registry.path(version) / "training_report.md").read_text()
    assert "No graphs for ONNX Runtime: export as onnx needs onnxscript, which is not installed: pip install" in report
    assert "`undertone models graphs` adds what is missing" in report


def test_the_default_asks_for_graphs_and_the_quick_preset_for_none() -> None:
    assert preset("default").graphs
    assert not preset("quick").graphs


def test_graphs_are_added_once_and_change_nothing_else(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    registry, settings = Registry(root), load([], [f"registry.root={root}"], {}, {})
    before = registry.show(VERSION)
    assert command.graphs(settings, json=True, versions=[VERSION]) == 0
    answer = msgspec.json.decode(capsys.readouterr().out)
    after = registry.show(VERSION)
    assert answer["graphs"][VERSION]["gru"] == msgspec.to_builtins(after.graphs["gru"])
    assert after.checksums.items() > before.checksums.items()
    assert msgspec.structs.replace(after, graphs={}, checksums=before.checksums) == before
    written = (registry.path(VERSION) / "gru.onnx").stat().st_mtime_ns
    assert add_graphs(registry, VERSION) == after.graphs
    assert (registry.path(VERSION) / "gru.onnx").stat().st_mtime_ns == written
    assert not list(root.glob(".partial*"))


def test_a_version_that_cannot_get_graphs_stays_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ExportFailed("gru can't be exported as onnx: RuntimeError: no")

    registry = Registry(root)
    before = sorted(path.name for path in registry.path(VERSION).iterdir())
    monkeypatch.setattr(stored, "write_graphs", fails)
    with pytest.raises(ExportFailed, match="gru can't be exported"):
        add_graphs(registry, VERSION)
    assert sorted(path.name for path in registry.path(VERSION).iterdir()) == before
    assert not list(root.glob(".partial*"))


def within(seconds: float, found: Callable[[], Any]) -> Any:
    """What a call returns as soon as that is something."""
    until = time.monotonic() + seconds
    while not (answer := found()) and time.monotonic() < until:
        time.sleep(0.05)
    return answer


def test_a_running_stream_goes_on_while_another_process_writes_the_graphs(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion answers till then; no export is made in this process."""
    registry = Registry(root)
    add_graphs(registry, VERSION)
    registry.activate(VERSION)
    flow = station(root, "onnx", should_poll=lambda batch: True)
    before = said(flow, S, last=20)
    registry.activate(f"{VERSION}_2")
    monkeypatch.setattr(stored, "write_graphs", None)
    assert len(said(flow, S, first=20, last=30)) > 0  # returns long before the other process ends
    assert flow._engine.latest("1s") == VERSION
    assert within(300, lambda: registry.show(f"{VERSION}_2").graphs)
    after = said(flow, S, first=30, last=N)
    assert flow._engine.latest("1s") == f"{VERSION}_2"
    assert flow.failures == 0
    assert before and after


def test_where_the_other_process_fails_the_version_is_refused_with_its_reason(
    bundle: Bundle, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_writing, "_COMMAND", (sys.executable, "-c", "import sys; sys.exit('gru: no graph')"))
    writing = GraphWriting(registry)
    assert not writing.ready(bundle)

    def refused() -> str:
        try:
            assert not writing.ready(bundle)
        except NotExecutable as error:
            return str(error)
        return ""

    assert within(60, refused) == f"model {VERSION}: inference.executor onnx: gru: no graph; or set it to torch"


def test_auto_and_onnx_go_through_a_batchs_step_with_what_they_choose(root: Path) -> None:
    """`auto` through the inference station: ONNX Runtime's bits where there are graphs, torch's where not."""
    answers = {}
    for version, graphs in ((VERSION, True), (f"{VERSION}_2", False)):
        registry = Registry(root)
        if graphs:
            add_graphs(registry, version)
        registry.activate(version)
        for executor in ("auto", "onnx", "torch") if graphs else ("auto", "torch"):
            recorded: list[Any] = []
            answers[version, executor] = said(station(root, executor, record=recorded.append), S)
            expected = "onnx" if graphs and executor != "torch" else None
            assert [decision.details.get("executor") for decision in recorded] == [expected]
    assert answers[VERSION, "auto"] == answers[VERSION, "onnx"] != answers[VERSION, "torch"]
    assert answers[f"{VERSION}_2", "auto"] == answers[f"{VERSION}_2", "torch"]
