"""What a step of every architecture costs on a CPU: one bar time of 1,000 symbols through the steppers that serve.

    python -m benchmarks.architectures [--write] [--only gru,cnn]

Nets have their default sizes and random weights. Times are CPU time of one thread (on a quiet machine that is wall
time), the median of several steps. `--write` puts the table into docs/models.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.architectures import StepNet, WindowNet, build
from models.described import HORIZONS, INPUTS, Described, described
from models.serving.inference import BUCKETS
from models.serving.stepper import Stepper
from models.serving.window_stepper import WindowStepper
from ops.commands.architectures import remembers
from ops.provenance import markdown_table, provenance

SYMBOLS = 1000
BUDGET_S = 20.0  # of one architecture's measured steps
PAGE = Path(__file__).parent.parent / "docs" / "models.md"
BEGIN, END = "<!-- architectures begin -->", "<!-- architectures end -->"


def cost(name: str) -> float:
    """Return the median CPU time (ms) of a step of 1,000 symbols whose windows are full."""
    torch.manual_seed(1)
    net = build(name, INPUTS, HORIZONS).eval().requires_grad_(False)
    maker: Any = Stepper if isinstance(net, StepNet) else WindowStepper
    stepper = maker(net, INPUTS, HORIZONS, "cpu", BUCKETS, SYMBOLS)
    random, symbol = np.random.default_rng(2), np.arange(SYMBOLS, dtype=np.int32)
    times: list[float] = []
    warm = net.window - 1 if isinstance(net, WindowNet) else 3
    began = time.monotonic()
    while len(times) < 3 or (len(times) < 20 and time.monotonic() - began < BUDGET_S):
        x = (0.1 * random.standard_normal((SYMBOLS, INPUTS))).astype(np.float32)
        start = time.thread_time()
        stepper.run(x, symbol)
        if warm:
            warm -= 1
        else:
            times.append(1e3 * (time.thread_time() - start))
    return statistics.median(times)


def table(costs: dict[str, float], nets: tuple[Described, ...]) -> str:
    """Return the table with what was measured and where."""
    head = dict.fromkeys(("name", "kind", "parameters", "kept a symbol", "a step", "what it is"), "---")
    head["parameters"] = head["a step"] = "---:"
    rows = [[f"`{net.name}`", net.kind, net.parameters and f"{net.parameters:,}", remembers(net),
             f"{costs[net.name]:,.1f} ms" if net.name in costs else None, net.summary] for net in nets]  # fmt: skip
    parts = [
        f"Sizes at the default options, for {INPUTS} inputs and {HORIZONS} horizons; a step is one bar of {SYMBOLS:,} "
        f"symbols, CPU time of one thread. {provenance()}",
        markdown_table(head, rows),
    ]
    if "candle_cnn" in costs:
        images = int(SYMBOLS / costs["candle_cnn"] * 1e3)
        parts.append(
            f"The candle CNN draws and reads {images:,} images a second on one core: so many symbols times timeframes "
            "may close together if the last is to be answered a second later. It is for no more than that."
        )
    return "\n\n".join(parts)


def write(text: str) -> None:
    """Put the table between the marks of docs/models.md."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> int:
    """Measure, print, write if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table into docs/models.md")
    parser.add_argument("--only", default="", help="names, separated by commas")
    options = parser.parse_args()
    torch.set_num_threads(1)
    nets = tuple(net for net in described() if not options.only or net.name in options.only.split(","))
    costs = {}
    for net in nets:
        if net.kind != "trees":
            costs[net.name] = cost(net.name)
            print(f"{net.name}: {costs[net.name]:.1f} ms", file=sys.stderr, flush=True)
    text = table(costs, nets)
    print(text)
    if options.write:
        write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
