"""A user's own architecture: found by its module's name, trained, served and loaded; and what can be trained."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import architectures as package
from models.architectures import architectures, build
from models.config import SIGMA, NetConfig, TrainingConfig
from models.described import described
from models.extensions import ArchitecturesNotLoaded, load_architectures
from models.registry.registry import Registry, RegistryError
from models.runs.training import train
from models.serving.inference import InferenceEngine
from ops.commands import architectures as command
from ops.settings import load
from tests.models.market import FINGERPRINTS, NAMES, make_dataset, make_market

DOCS = Path(__file__).parents[2] / "docs"
MODULE = "undertone_extra.tide"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone behind it."""
    architectures()
    monkeypatch.setattr(package, "_REGISTERED", dict(package._REGISTERED))
    monkeypatch.setattr(package, "_SMALL", dict(package._SMALL))
    monkeypatch.syspath_prepend(str(DOCS / "examples" / "undertone_extra"))
    yield
    for name in [name for name in sys.modules if name.startswith("undertone_extra")]:
        del sys.modules[name]


def test_a_net_of_ones_own_is_trained_served_and_loaded(tmp_path: Path, small: TrainingConfig) -> None:
    load_architectures([MODULE])
    net = NetConfig("tide", {"hidden": 12}, streams=8, chunk=32, burn_in=16, epochs=2)
    market = make_market(6, 600, planted=0.4)
    config = with_net(small, net)
    version = train(make_dataset(market), config, tmp_path)
    bundle = Registry(tmp_path).load(version)
    assert type(bundle.nets["tide"]).__module__ == MODULE
    said = []
    for size in (600, 6):  # many bar times at once, and one after the other
        engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu")
        engine.activate(bundle)
        parts = [engine.infer(*market.part(slice(first, first + size))) for first in range(0, 600, size)]
        said.append(np.concatenate([made.members["tide"] for part in parts for made in part]))
    assert len(said[0]) > 400
    assert np.isfinite(said[0]).all()
    np.testing.assert_array_equal(*said)


def with_net(config: TrainingConfig, net: NetConfig) -> TrainingConfig:
    return replace(config, name="tide", nets=(net,), trees=(), weights={"tide": 1.0})


def test_a_version_is_not_loaded_where_its_module_is_not_named(
    tmp_path: Path, small: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_architectures([MODULE])
    net = NetConfig("tide", {"hidden": 12}, streams=8, chunk=32, burn_in=16, epochs=1)
    version = train(make_dataset(make_market(6, 600)), with_net(small, net), tmp_path)
    monkeypatch.delitem(package._REGISTERED, "tide")
    with pytest.raises((RegistryError, ValueError), match="architecture 'tide' is unknown"):
        Registry(tmp_path).load(version)


def test_modules_without_a_net_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "broken_net.py").write_text("1 / 0\n")
    (tmp_path / "empty_net.py").write_text("")
    with pytest.raises(ArchitecturesNotLoaded, match=r"no module 'undertone_extra.absent' is found"):
        load_architectures(["undertone_extra.absent"])
    with pytest.raises(ArchitecturesNotLoaded, match="'empty_net' registers no net of its own"):
        load_architectures(["empty_net"])
    with pytest.raises(ArchitecturesNotLoaded, match=r"ZeroDivisionError: division by zero .*broken_net.py, line 1"):
        load_architectures(["broken_net"])


def test_the_page_tells_every_architecture_and_its_size() -> None:
    page = (DOCS / "models.md").read_text(encoding="utf-8")
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for net in described():
        assert net.name in lines, f"{net.name} is not in docs/models.md: python -m benchmarks.architectures --write"
        assert net.summary in lines[net.name]
        assert net.parameters is None or f" {net.parameters:,} |" in lines[net.name]


def test_descriptions_are_those_of_the_nets() -> None:
    found = {net.name: net for net in described()}
    assert {"lightgbm", *architectures()} <= set(found)
    assert found["lightgbm"].kind == "trees"
    transformer = found["transformer_volatility"]
    assert (transformer.kind, transformer.columns) == ("step", ("reference_volatility_60",))
    assert "places" not in transformer.options
    assert build("transformer_volatility", 64, 30, **transformer.options).state_size == transformer.state
    assert found["patchtst"].window == found["patchtst"].options["context"] == 64


def test_a_net_that_reads_columns_by_name_is_trained_and_served(tmp_path: Path, small: TrainingConfig) -> None:
    options = {"hidden": 12, "layers": 1, "heads": 3, "width": 4, "band": 8}
    net = NetConfig("transformer_volatility", options, streams=8, chunk=32, burn_in=16, epochs=1)
    config = replace(small, name="clock", nets=(net,), trees=(), weights={"transformer_volatility": 1.0})
    market = make_market(6, 600, planted=0.4)
    bundle = Registry(tmp_path).load(train(make_dataset(market), config, tmp_path))
    (place,) = bundle.metadata.members["transformer_volatility"].options["places"]
    column = bundle.metadata.columns[place]
    assert (column.name, column.center, column.scale) == (SIGMA, 0.0, 1.0)
    assert bundle.nets["transformer_volatility"].volatility == place
    engine = InferenceEngine(NAMES, FINGERPRINTS, ["1s"], device="cpu")
    engine.activate(bundle)
    said = np.concatenate([made.members["transformer_volatility"] for made in engine.infer(market.bars, market.rows)])
    assert len(said) > 400
    assert np.isfinite(said).all()


def test_the_command_lists_the_users_own_too(capsys: pytest.CaptureFixture[str]) -> None:
    settings = load([], [f"models.modules={MODULE}"], {}, {})
    assert command.run(settings, json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert next(line for line in lines if line.startswith("tide")).split()[1:5] == ["step", "5940", "48", "numbers"]
    assert command.run(settings, json=True) == 0
    found = {net["name"]: net for net in json.loads(capsys.readouterr().out)["architectures"]}
    assert found["tide"]["options"] == {"hidden": 24}
    assert found["xgboost"]["kind"] == "trees"
