"""1,000 symbols at one bar time: a whole cross-section through the members and the vote, and a net alone.

The weights are random and the trees fitted to noise with a signal in it: what is said does not matter here, only how
long it takes. Beside it a net over windows, and the step net asked symbol by symbol.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
import torch

from models.architectures import Net, build
from models.architectures.lightgbm import fit_trees
from models.config import SIGMA, TreesConfig
from models.labels import Float32
from models.metadata import FORMAT, ColumnUse, DataRange, Member, Metadata
from models.progress import silent
from models.registry.bundle import Bundle, TreePair
from models.serving.inference import BUCKETS, InferenceEngine
from models.serving.served_members import stepper
from models.trees.flat import parse_forest
from models.trees.two_stages import Picked
from schema.bars import Bars, zero_bars
from schema.features import FeatureRows
from schema.timeframes import SECOND

SYMBOLS, COLUMNS, HORIZONS, PRIMARY = 1_000, 114, 30, 5
TREES = 300  # in all
NETS = {
    "gru": {"hidden": 48},
    "lstm": {"hidden": 48},
    "lstm_residual": {"hidden": 48},
    "lstm_bidirectional": {"hidden": 48, "window": 64},
}
_ROUNDS, _WARM = 200, 10
_NAMES = (SIGMA, *(f"column_{k}" for k in range(COLUMNS - 1)))
_FINGERPRINTS = {name: f"{k:016x}" for k, name in enumerate(_NAMES)}
_PLAIN = (1.0, 0.0, 0.0)


def main() -> None:
    """Print one JSON object: milliseconds, median and 99th percentile, and predictions a second."""
    torch.set_num_threads(1)
    random = np.random.default_rng(1)
    trees = _trees(random)
    found: dict[str, float] = {}
    for name in ("gru", "lstm"):
        found |= _named(f"section_{name}_trees", _section(_bundle({name: _net(name)}, trees), random))
    found |= _named("section_trees", _section(_bundle({}, trees), random))
    for name in NETS:
        rounds = _ROUNDS if name != "lstm_bidirectional" else 5
        timed = _timed(_net_alone(name, SYMBOLS, random), rounds)
        found |= _named(f"net_{name}", timed)
        found[f"net_{name}_a_second"] = SYMBOLS / float(np.median(timed))
    one = _net_alone("gru", 1, random)
    found["gru_symbol_by_symbol_a_second"] = 1 / float(np.median(_timed(one, _ROUNDS)))
    print(json.dumps(found))


def _named(name: str, seconds: list[float]) -> dict[str, float]:
    low, high = np.percentile(np.array(seconds) * 1e3, (50, 99))
    return {f"{name}_ms": float(low), f"{name}_p99_ms": float(high)}


def _timed(call: Callable[[], object], rounds: int) -> list[float]:
    """Return the seconds of each call, behind a few that warm up."""
    seconds = []
    for _ in range(min(_WARM, rounds) + rounds):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds[-rounds:]


def _net(name: str) -> Net:
    torch.manual_seed(1)
    return build(name, COLUMNS, HORIZONS, **NETS[name]).eval().requires_grad_(False)


def _net_alone(name: str, rows: int, random: np.random.Generator) -> Callable[[], object]:
    """Return a step of all symbols through a net in service, inputs given; windows are full."""
    served = stepper(_net(name), COLUMNS, HORIZONS, "cpu", BUCKETS, rows)
    x, symbol = random.standard_normal((rows, COLUMNS)).astype(np.float32), np.arange(rows, dtype=np.int32)
    for _ in range(int(NETS[name].get("window", 1)) - 1):
        served.run(x, symbol)
    return lambda: served.run(x, symbol)


def _trees(random: np.random.Generator) -> TreePair:
    x: Float32 = random.standard_normal((6_000, COLUMNS)).astype(np.float32)
    y = x[:, 0] + x[:, 1] * x[:, 2] + np.abs(x[:, 3:9]).sum(axis=1) + random.standard_normal(len(x))
    config = TreesConfig(mean_trees=TREES // 2, variance_trees=TREES // 2, least_rows_a_leaf=20, patience=TREES)
    parts = Picked(x, np.arange(5_000)), Picked(x, np.arange(5_000, 6_000))
    texts = fit_trees(parts, (y[:5_000], y[5_000:]), config, 1, 1, silent)
    return TreePair(*(parse_forest(text) for text in texts))


def _bundle(nets: dict[str, Net], trees: TreePair) -> Bundle:
    members = {name: Member("net", 0.5, (), {}, 1.0, _PLAIN) for name in nets}
    members["lightgbm"] = Member("trees", 0.5, (), {}, 1.0, _PLAIN)
    columns = tuple(ColumnUse(name, _FINGERPRINTS[name], name == SIGMA, 0.0, 1.0, False) for name in _NAMES)
    metadata = Metadata(
        FORMAT, "measured", "", "1s", HORIZONS, PRIMARY, SIGMA, 1e-4, columns, members, DataRange(0, 0, 0, 0, {}, 0.0),
        {}, {}, "", {},
    )  # fmt: skip
    return Bundle(metadata, nets, {"lightgbm": trees})


def _section(bundle: Bundle, random: np.random.Generator) -> list[float]:
    """Return the seconds from feature rows to predictions of all symbols at one bar time."""
    engine = InferenceEngine(_NAMES, _FINGERPRINTS, ["1s"], device="cpu", n_symbols=SYMBOLS)
    engine.activate(bundle)
    values = random.standard_normal((SYMBOLS, COLUMNS))
    rows, bars = FeatureRows(values, np.zeros(values.shape, np.uint8)), _bars()

    def call() -> None:
        bars.time[:] += SECOND
        (made,) = engine.infer(bars, rows)
        assert len(made.row) == SYMBOLS

    return _timed(call, _ROUNDS)


def _bars() -> Bars:
    bars = zero_bars(SYMBOLS)
    bars.symbol[:], bars.close[:], bars.mid[:] = np.arange(SYMBOLS), 100.0, 100.0
    return bars


if __name__ == "__main__":
    main()
