"""The multi-grade net as it is by default: an epoch of each grade over 5,000 windows, a cross-section of 1,000 symbols.

    python -m benchmarks.mgdl [--windows N]

Processor time of one core, so that a busy machine doesn't count. 50 inputs, 30 horizons, batches of 256.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Final

import numpy as np
import torch

from models.architectures.mgdl import MGDL
from models.config import NetConfig
from models.data.examples import Examples
from models.training.layouts import Layout, lay_out

INPUTS: Final = 50
HORIZONS: Final = 30
SYMBOLS: Final = 1_000
BUCKET: Final = 256  # windows of a forward in service on a CPU


def main() -> None:
    """Print one JSON object, seconds; lists have a number a grade."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, default=5_000)
    windows = parser.parse_args().windows
    torch.set_num_threads(1)
    torch.manual_seed(1)
    net = MGDL(INPUTS, HORIZONS)
    layout = _layout(net, windows)
    first, epoch, again = [], [], []
    for grade in range(net.grades):
        net.begin_grade(grade)
        first.append(_train(net, layout))  # computes what the grades below make of the windows
        epoch.append(_train(net, layout))
        again.append(_below(net, windows))  # what an epoch would cost more if that weren't kept
    found = {"windows": windows, "first_epoch_s": first, "epoch_s": epoch, "below_s": again}
    print(json.dumps({**found, "cross_section_s": _cross_section(net), "parameters": _count(net)}))


def _layout(net: MGDL, windows: int) -> Layout:
    n = windows + net.window - 1
    random = np.random.default_rng(1)
    x, y = (torch.from_numpy(random.standard_normal((n, k)).astype(np.float32)) for k in (INPUTS, HORIZONS))
    examples = Examples(x, y, np.zeros(n, np.int32), np.ones(n, np.bool_))
    return lay_out(net, examples, np.arange(n), NetConfig("mgdl", {}), 1)


def _train(net: MGDL, layout: Layout) -> float:
    """Run an epoch and return its seconds."""
    net.train()
    begin = time.process_time()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], 1e-3)
    for loss, n in layout.losses(1):
        optimiser.zero_grad()
        (loss / n).backward()
        optimiser.step()
    return time.process_time() - begin


def _below(net: MGDL, windows: int) -> float:
    """Return the seconds that the frozen grades take over so many windows."""
    x = torch.randn(BUCKET, net.window, INPUTS)
    begin = time.process_time()
    net.below(x)
    return (time.process_time() - begin) * windows / BUCKET


@torch.inference_mode()
def _cross_section(net: MGDL) -> float:
    """Return the least of three forwards of all symbols, in buckets as they are served."""
    net.eval()
    x = torch.randn(-(-SYMBOLS // BUCKET) * BUCKET, net.window, INPUTS)
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        for part in x.split(BUCKET):
            net(part)
        seconds.append(time.process_time() - begin)
    return min(seconds)


def _count(net: MGDL) -> int:
    return sum(p.numel() for p in net.parameters())


if __name__ == "__main__":
    main()
