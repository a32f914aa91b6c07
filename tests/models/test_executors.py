"""ONNX Runtime beside torch: the same words to the export's tolerance, and bits that depend on nothing but the rows."""

from __future__ import annotations

import re
import shutil
import sys
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.onnx._internal.exporter._registration import onnxscript_apis as tables

from dataflows.assembly.assemble import assemble
from dataflows.assembly.flow import Flow
from dataflows.batch import Batch
from dataflows.sources.synthetic import SyntheticMarket
from dataflows.stations.inference import Inference
from models.architectures import Net, StepNet, WindowNet, architectures, small_options
from models.export.graph import graph_of
from models.export.stored import add_graphs
from models.export.version import TOLERANCE
from models.labels import Float32
from models.registry.bundle import Bundle
from models.registry.registry import Registry
from models.serving.buckets import check_places
from models.serving.inference import InferenceEngine
from models.serving.onnx_nets import NotExecutable, OnnxNet, executor_of, exported, onnx_nets
from models.serving.onnx_stepper import trial
from models.serving.served_members import stepper
from ops.errors import ConfigurationError
from ops.settings import load
from schema.events import Decision
from schema.timeframes import parse_timeframes
from tests.models.graphs import F, H, graphed, loud
from tests.models.market import FINGERPRINTS, NAMES, TestMarket, make_market
from tests.models.test_inference import by_key, copied

S, T = 18, 3
N = 60
MARKET = make_market(S, N, planted=0.4, seed=12)
VERSION = "small_20240102_030405"
Rows = dict[tuple[int, int], tuple[object, ...]]


@pytest.fixture(scope="module", autouse=True)
def operators() -> Iterator[None]:
    """Let the exporter's table of operators be made once, not anew for each graph: it takes 0.6 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "get_torchlib_ops", cache(tables.get_torchlib_ops))
        yield


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry for `graphed`."""
    return tmp_path_factory.mktemp("shelf")


def spoken(net: Net, onnx: OnnxNet | None, cuts: list[np.ndarray], x: Float32, symbol: np.ndarray) -> Float32:
    """What a net says of rows that come in batches."""
    served = stepper(net, F, H, "cpu", (16, 32), S, onnx)
    result = np.empty((len(x), H, 2), np.float32)
    for rows in cuts:
        result[rows] = served.run(x[rows], symbol[rows])
    return result


@pytest.mark.parametrize("name", architectures())
def test_a_stored_graph_says_what_torch_says_and_its_bits_do_not_depend_on_the_batch(name: str, shelf: Path) -> None:
    bundle = graphed(shelf, name)
    net, onnx = bundle.nets[name], onnx_nets(bundle)[name]
    bars = T + (net.window - 1 if isinstance(net, WindowNet) else 0)
    random = np.random.default_rng(3)
    x = random.standard_normal((bars * S, F)).astype(np.float32)
    symbol = np.tile(np.arange(S, dtype=np.int32), bars)
    whole, by_bar = [np.arange(len(x))], np.split(np.arange(len(x)), bars)
    torn = [part for rows in by_bar for part in (random.permutation(rows[:3]), random.permutation(rows[3:]))]
    expected, found = (spoken(net, executor, whole, x, symbol) for executor in (None, onnx))
    assert np.nanstd(found) > 0.01  # so that equal heads mean something
    np.testing.assert_allclose(found, expected, atol=TOLERANCE, rtol=0)
    for cuts in (by_bar, torn):
        np.testing.assert_array_equal(spoken(net, onnx, cuts, x, symbol), found)


def test_a_session_opened_again_gives_the_same_bits(shelf: Path) -> None:
    bundle, bars = graphed(shelf, "gru"), [np.arange(S)] * 3
    net, x = bundle.nets["gru"], np.random.default_rng(4).standard_normal((S, F)).astype(np.float32)
    sessions = [OnnxNet(graph_of("gru", net, F, H), bundle.graphs["gru"]) for _ in range(2)]
    first, second = (spoken(net, session, bars, x, np.arange(S, dtype=np.int32)) for session in sessions)
    np.testing.assert_array_equal(first, second)


def test_a_graph_that_rounds_by_a_rows_place_is_refused(shelf: Path) -> None:
    bundle = graphed(shelf, "gru")
    net = bundle.nets["gru"]
    assert isinstance(net, StepNet)
    honest = trial(onnx_nets(bundle)["gru"], net, F, 16)
    check_places(16, honest)
    with pytest.raises(ValueError, match="a row's result depends on its place in a batch"):
        check_places(16, lambda rows: (honest(rows)[1] + torch.arange(16)[:, None],))


def test_a_graph_of_other_weights_is_refused(shelf: Path) -> None:
    other = loud("gru")
    nn.init.normal_(next(p for p in other.parameters() if p.ndim > 1), std=0.3)
    with pytest.raises(NotExecutable, match=r"executor onnx: gru\.onnx differs from PyTorch by .*; or set it to torch"):
        OnnxNet(graph_of("gru", other, F, H), graphed(shelf, "gru").graphs["gru"])


@pytest.fixture(scope="module")
def with_graphs(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The registry of the tests, its first version with graphs and active."""
    root = tmp_path_factory.mktemp("graphs") / "models"
    shutil.copytree(registry.root, root)
    add_graphs(Registry(root), VERSION)
    Registry(root).activate(VERSION)
    return root


@pytest.fixture
def root(with_graphs: Path, tmp_path: Path) -> Path:
    """A registry of one's own, a model with graphs active in it."""
    return Path(shutil.copytree(with_graphs, tmp_path / "models"))


def station(root: Path, executor: str, **options: Any) -> Inference:
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu", executor=executor)
    return Inference(engine, parse_timeframes("1s"), Registry(root), **options)


def said(flow: Inference, size: int, first: int = 0, last: int = N) -> Rows:
    """What it predicts of the bars from the first to the last, batches of so many rows."""
    part, made = TestMarket(*MARKET.part(slice(first * S, last * S))), []
    for number, begin in enumerate(range(0, len(part.bars.time), size), 1):
        bars, rows = part.part(slice(begin, begin + size))
        made += flow.step(Batch(number, bars=bars, features=rows)).predictions
    return by_key(made)


def test_a_replay_and_a_resume_keep_the_executor_on_record_whatever_the_setting(root: Path) -> None:
    recorded: list[Decision] = []
    live = station(root, "onnx", record=recorded.append)
    expected = said(live, S)
    assert [d.details["executor"] for d in recorded] == ["onnx"]
    by_torch = said(station(root, "torch"), S)
    assert by_torch.keys() == expected.keys()
    assert by_torch != expected  # other bits: that is why it is on record
    for size in (S, 7 * S, 10):
        assert said(station(root, "torch", decisions=recorded, decide=False), size) == expected
    begun = station(root, "onnx", record=recorded.append)
    before = said(begun, S, last=30)
    resumed = station(root, "torch", decisions=recorded)
    resumed.restore(copied(begun.snapshot()))
    assert before | said(resumed, 2 * S, first=30) == expected


def test_a_checkpoint_of_before_goes_on_with_torch(root: Path) -> None:
    expected = said(station(root, "torch"), S)
    begun = station(root, "torch")
    before = said(begun, S, last=30)
    snapshot = copied(begun.snapshot())
    del snapshot["engine"]["timeframes"]["1s"]["runners"]["0"]["executor"]
    resumed = station(root, "onnx")
    resumed.restore(snapshot)
    assert before | said(resumed, S, first=30) == expected


def test_auto_takes_onnx_for_steps_with_graphs_and_torch_for_all_else(
    root: Path, bundle: Bundle, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, bundle, window = bundle, Registry(root).load(VERSION), graphed(shelf, "lstm_direction")
    assert executor_of(bundle, "auto") == "onnx"
    assert executor_of(window, "auto") == executor_of(replace(bundle, nets={}), "auto") == "torch"
    assert executor_of(without, "auto") == "torch"  # in no stream does it wait for an export
    assert executor_of(window, "onnx") == "onnx"
    monkeypatch.setattr("models.serving.onnx_nets._READY", OrderedDict())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert executor_of(bundle, "auto") == "torch"


def test_without_the_library_onnx_is_refused_and_says_what_to_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.serving.onnx_nets._READY", OrderedDict())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    flow = station(root, "onnx")
    assert said(flow, S) == {}
    assert flow.failures == 1
    assert re.search(r"executor onnx: .*onnxruntime.*pip install 'undertone\[export\]'.*set it to torch", flow.failure)


def test_a_start_with_onnx_needs_the_library(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    wanted = {"store.url": "null:", "bus.url": "null:", "registry.root": root, "features.families": "calendar"}

    def begun(executor: str) -> Flow:
        pairs = [f"{name}={value}" for name, value in (wanted | {"inference.executor": executor}).items()]
        return assemble(load([], pairs, {}, {}), SyntheticMarket(1, duration_s=1.0))

    begun("auto").close()
    with pytest.raises(ConfigurationError, match=r"executor is 'onnx'.*pip install 'undertone\[export\]'"):
        begun("onnx")


def test_a_net_that_cannot_be_exported_is_refused_by_name() -> None:
    class Odd(type(loud("gru"))):  # type: ignore[misc]
        def advance(self, u: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return super().advance(u * float(u.sum() > 0), state)  # a number out of a tensor is no graph

    with pytest.raises(NotExecutable, match="executor onnx: odd can't be exported as onnx"):
        exported("odd", Odd(F, H, **small_options("gru")), F, H)
