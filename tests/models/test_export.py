"""Exported nets: the same numbers as PyTorch, refused where not, and nothing left of a failed export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models.architectures import build
from models.export import formats
from models.export import version as exporting
from models.export.graph import ROWS, STEPS, Graph, graph_of
from models.export.triton import configuration
from models.export.version import ExportFailed, compare, export_version
from models.registry.bundle import Bundle
from models.registry.registry import Registry
from ops.commands import export as command
from ops.settings import load

VERSION = "small_20240102_030405"


def graph(name: str, **options: int) -> Graph:
    """A graph of a net whose heads say something."""
    torch.manual_seed(1)
    net = build(name, 8, 5, **options)
    for parameter in net.parameters():
        if parameter.requires_grad and parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)
    return graph_of(name, net, 8, 5)


@pytest.mark.parametrize("form", ["torch", "onnx"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("transformer", {"hidden": 16, "layers": 1, "width": 4, "band": 8}), ("candle_cnn", {"channels": 4})],
)
def test_a_graph_speaks_as_pytorch_does(name: str, options: dict[str, int], form: str, tmp_path: Path) -> None:
    made = graph(name, **options)
    report = exporting.export_member(made, form, tmp_path)
    steps = STEPS if made.state is not None else 1
    assert report.rows == steps * sum(ROWS)
    assert max(report.largest_difference.values()) < 2e-5
    assert report.bit_equal or form == "onnx"
    spread = torch.cat([made(*given)[0] for given in made.calls(16)]).std()
    assert spread > 0.05  # so that equal heads mean something


@pytest.mark.parametrize("form", ["torch", "onnx", "triton"])
def test_a_version_is_exported_with_its_report(registry: Registry, form: str, tmp_path: Path) -> None:
    bundle, path = registry.load(VERSION), registry.path(VERSION)
    report = export_version(bundle, path, form, tmp_path / "out")
    assert (report.version, [member.member for member in report.members]) == (VERSION, ["gru"])
    stored = msgspec.json.decode((tmp_path / "out" / "export.json").read_bytes(), type=exporting.ExportReport)
    assert stored == report
    assert (tmp_path / "out" / report.members[0].file).is_file()
    for name in report.beside:
        assert (tmp_path / "out" / name).read_bytes() == (path / name).read_bytes()
    assert {"metadata.json", "lightgbm_mean.txt"} <= set(report.beside)
    with pytest.raises(ExportFailed, match="is there already"):
        export_version(bundle, path, form, tmp_path / "out")


def test_onnx_runs_any_batch_from_its_file_alone(registry: Registry, tmp_path: Path) -> None:
    bundle = registry.load(VERSION)
    export_version(bundle, registry.path(VERSION), "onnx", tmp_path / "out")
    session = onnxruntime.InferenceSession(tmp_path / "out" / "gru.onnx", providers=["CPUExecutionProvider"])
    net, width = bundle.nets["gru"], bundle.metadata.width
    for batch in (2, 37):
        x = np.random.default_rng(batch).standard_normal((batch, width)).astype(np.float32)
        state = np.zeros((batch, net.state_size), np.float32)
        heads, after = session.run(["heads", "next_state"], {"x": x, "state": state})
        expected, last = net.step(torch.from_numpy(x), torch.from_numpy(state))
        np.testing.assert_allclose(heads, expected, atol=1e-5)
        np.testing.assert_allclose(after, last, atol=1e-5)


def test_a_graph_that_says_other_things_is_refused(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = formats.read_onnx

    def off(graph: Graph, path: Path) -> formats.Run:
        run = honest(graph, path)
        return lambda given: tuple(out + 2e-4 * (k == 0) for k, out in enumerate(run(given)))

    monkeypatch.setattr(exporting, "read_onnx", off)
    with pytest.raises(ExportFailed, match=r"gru.onnx differs from PyTorch by .* expected at most 0.0001"):
        export_version(registry.load(VERSION), registry.path(VERSION), "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_graph_without_numbers_is_refused() -> None:
    made = graph("gru", hidden=16)

    def nothing(given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(torch.full_like(out, torch.nan) for out in made(*given))

    with pytest.raises(ExportFailed, match="inf"):
        compare(made, "gru.onnx", nothing)


def test_what_cannot_be_exported_is_said(registry: Registry, bundle: Bundle, tmp_path: Path) -> None:
    path = registry.path(VERSION)
    with pytest.raises(ExportFailed, match="'tflite' is unknown; expected one of torch, onnx, triton"):
        export_version(bundle, path, "tflite", tmp_path / "out")
    with pytest.raises(ExportFailed, match="has no net; its trees are in"):
        export_version(replace(bundle, nets={}), path, "onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_triton_keeps_the_state_of_a_sequence() -> None:
    step, window = configuration(graph("gru", hidden=16), "gru"), configuration(graph("candle_cnn"), "candles")
    assert 'input [ { name: "x" data_type: TYPE_FP32 dims: [ 8 ] } ]' in step
    assert 'input_name: "state" output_name: "next_state" data_type: TYPE_FP32 dims: [ 16 ]' in step
    assert "zero_data: true" in step
    assert "dims: [ 32, 8 ]" in window
    assert "dynamic_batching" in window
    assert "state" not in window


def test_a_missing_library_is_named(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(graph: Graph, path: Path) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")

    monkeypatch.setattr(exporting, "write_onnx", missing)
    with pytest.raises(ExportFailed, match=r"needs onnxscript, which is not installed: pip install 'undertone\[export"):
        export_version(registry.load(VERSION), registry.path(VERSION), "onnx", tmp_path / "out")


def test_the_command_exports_a_version(registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load([], [f"registry.root={registry.root}"], {}, {})
    assert command.run(settings, json=True, version=VERSION, form="torch", directory=tmp_path / "out") == 0
    answer = msgspec.json.decode(capsys.readouterr().out)
    assert answer["members"][0] | {"largest_difference": None} == {
        "member": "gru", "file": "gru.pt2", "rows": STEPS * sum(ROWS), "largest_difference": None, "bit_equal": True,
    }  # fmt: skip
    assert command.run(settings, json=False, version=VERSION, form="torch", directory=tmp_path / "again") == 0
    assert "metadata.json, lightgbm_mean.txt, lightgbm_variance.txt, export.json beside" in capsys.readouterr().out
