"""What a call of every net costs on a CPU by torch and by ONNX Runtime, at micro-batches of 1 to 1,000 rows.

    python -m benchmarks.executors [--write] [--only gru,cnn]

Nets have their default sizes and random weights, and run as they are served: rows of one bar time through the stepper,
gathering and padding included. CPU time of one thread, the median of calls that alternate between the two, so that a
loaded machine bears on both alike. `--write` puts the table into docs/executors.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from models.architectures import Net, WindowNet, build
from models.described import HORIZONS, INPUTS, described
from models.export.graph import graph_of
from models.export.stored import write_graphs
from models.serving.inference import BUCKETS
from models.serving.onnx_nets import OnnxNet
from models.serving.served_members import AnyStepper, stepper
from ops.provenance import markdown_table, provenance

ROWS = (1, 5, 20, 100, 1000)
BUDGET_S = 1.0  # of an architecture's measured calls at one number of rows
PAGE = Path(__file__).parent.parent / "docs" / "executors.md"
BEGIN, END = "<!-- executors begin -->", "<!-- executors end -->"


def measured(name: str) -> list[str]:
    """Return the cells of an architecture's line."""
    torch.manual_seed(1)
    net = build(name, INPUTS, HORIZONS).eval().requires_grad_(False)
    with tempfile.TemporaryDirectory() as folder:
        began = time.thread_time()
        graph = write_graphs({name: net}, INPUTS, HORIZONS, Path(folder))[name]
        wrote = time.thread_time()
        onnx = OnnxNet(graph_of(name, net, INPUTS, HORIZONS), Path(folder) / graph.file)
        opened = time.thread_time()
    steppers = [stepper(net, INPUTS, HORIZONS, "cpu", BUCKETS, max(ROWS), executor) for executor in (None, onnx)]
    cells = [_cell(*_costs(net, steppers, n)) for n in ROWS]
    difference = max(graph.largest_difference.values())
    kind = "window" if isinstance(net, WindowNet) else "step"
    made = (f"{wrote - began:.0f} s", f"{1e3 * (opened - wrote):,.0f} ms")
    return [f"`{name}`", kind, *cells, f"{difference:.0e}", *made]


def _costs(net: Net, steppers: list[AnyStepper], n: int) -> list[float]:
    """Return the median CPU time (ms) of a call of n rows by each, windows full."""
    random, symbol = np.random.default_rng(2), np.arange(n, dtype=np.int32)
    x = (0.1 * random.standard_normal((n, INPUTS))).astype(np.float32)
    for served in steppers:
        for _ in range(net.window if isinstance(net, WindowNet) else 3):
            served.run(x, symbol)
    times: list[list[float]] = [[], []]
    began = time.monotonic()
    while len(times[0]) < 3 or (len(times[0]) < 300 and time.monotonic() - began < BUDGET_S):
        for served, mine in zip(steppers, times, strict=True):
            start = time.thread_time()
            served.run(x, symbol)
            mine.append(1e3 * (time.thread_time() - start))
    return [statistics.median(mine) for mine in times]


def _cell(by_torch: float, by_onnx: float) -> str:
    return f"{by_torch:,.2f} / {by_onnx:,.2f}, {by_torch / by_onnx:.1f}×"


def table(lines: list[list[str]]) -> str:
    """Return the table with what was measured and where."""
    names = (*(f"{n:,} rows" for n in ROWS), "largest difference", "written in", "opened in")
    head = dict.fromkeys(("net", "form", *names), "---:")
    head["net"] = head["form"] = "---"
    return (
        f"Milliseconds a call by torch / by ONNX Runtime, and how many times the second is faster; {INPUTS} inputs, "
        f"{HORIZONS} horizons. CPU time of one thread, medians of alternating calls. {provenance()}\n\n"
        f"{markdown_table(head, lines)}"
    )


def write(text: str) -> None:
    """Put the table between the marks of docs/executors.md."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Measure, print, and write where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/executors.md")
    parser.add_argument("--only", default="", help="architectures, by comma; all nets where none is named")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    names = chosen.only.split(",") if chosen.only else [net.name for net in described() if net.parameters]
    lines = []
    for name in names:
        lines.append(measured(name))
        print(*lines[-1], flush=True)
    text = table(lines)
    print(text)
    if chosen.write:
        write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
