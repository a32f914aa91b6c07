"""Versions of nets that nobody trained, with the graphs of them that a version carries."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import msgspec
import torch
from torch import nn

from models.architectures import Net, build, small_options
from models.export.stored import add_graphs
from models.metadata import FORMAT, ColumnUse, DataRange, Member, Metadata, file_checksum
from models.registry.bundle import WEIGHTS, Bundle, save_weights
from models.registry.registry import Registry

F, H = 16, 5
WHEN = dt.datetime(2024, 1, 2, tzinfo=dt.UTC)
SMALLER = {  # an export costs time by the operation: what stands there several times over does so once or twice
    "cnn": {"layers": 2},
    "gru_attention": {"window": 3},
    "gru_bidirectional": {"window": 3},
    "lstm_bidirectional": {"window": 3},
    "lstm_direction": {"window": 3},
    "mgdl": {"window": 8, "patches": 4, "layers": 2, "grades": 2},
    "multiscale": {"kernel": 2},
    "transformer": {"layers": 1},
    "transformer_multiscale": {"layers": 1, "heads": 1},
    "transformer_volatility": {"layers": 1},
}


def loud(name: str) -> Net:
    """A small net whose heads say something."""
    torch.manual_seed(1)
    net = build(name, F, H, **options(name)).eval().requires_grad_(False)
    for parameter in net.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)
    return net


def options(name: str) -> dict[str, int]:
    """How small a net is here."""
    return {**small_options(name), **SMALLER.get(name, {})}


def publish(registry: Registry, name: str, net: Net) -> str:
    """Publish a net of the architecture `name` as a version's only member; it has no graph."""

    def write(path: Path, version: str) -> None:
        save_weights(path / WEIGHTS, {name: net})
        member = Member("net", 1.0, (WEIGHTS,), {"architecture": name, **options(name)}, 1.0, (0.0, 0.0, 0.0))
        columns = tuple(ColumnUse(f"c{k}", f"{k:016x}", False, 0.0, 1.0, False) for k in range(F))
        metadata = Metadata(
            FORMAT, version, "2024-01-02T00:00:00Z", "1s", H, 1, "c0", 1e-6, columns, {name: member},
            DataRange(0, 1, 2, 1, {}, 0.0), {}, {}, "", {WEIGHTS: file_checksum(path / WEIGHTS)},
        )  # fmt: skip
        (path / "metadata.json").write_bytes(msgspec.json.encode(metadata))

    return registry.publish(name, write, WHEN)


@cache
def graphed(root: Path, name: str) -> Bundle:
    """A loaded version of a loud net with its graph, published once in the registry `root`."""
    registry = Registry(root)
    version = publish(registry, name, loud(name))
    add_graphs(registry, version)
    return registry.load(version)
