from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from models.adam import AdamW


def test_steps_are_those_of_torch() -> None:
    random = torch.Generator().manual_seed(3)
    start = [torch.randn(4, 3, generator=random), torch.randn(5, generator=random)]
    mine, theirs = ([p.clone().requires_grad_() for p in start] for _ in range(2))
    ours, other = AdamW(mine, 0.02, 50, 0.01, 0.7), torch.optim.AdamW(theirs, 0.02, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(other, 50)
    for _ in range(50):
        for parameters in (mine, theirs):
            sum((p**3 - p).sum() for p in parameters).backward()
        torch.nn.utils.clip_grad_norm_(theirs, 0.7)
        other.step()
        schedule.step()
        other.zero_grad()
        ours.step()
    for a, b, c in zip(mine, theirs, start, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
        assert (a - c).abs().max() > 0.1
        assert a.grad is None


def test_training_does_not_import_the_compiler_of_torch() -> None:
    program = (
        "import sys, torch, models.training\nfrom models.adam import AdamW\n"
        "p = torch.ones(2, requires_grad=True); p.sum().backward(); AdamW([p], 0.1, 10, 0.0, 1.0).step()\n"
        "print('torch._dynamo' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert found.stdout == "False\n"
