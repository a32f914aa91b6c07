"""Several processes that fit one net together, as `torchrun` starts them: each takes its share of every mini-batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from torch import distributed as dist


def rank() -> int:
    """Return this process's number among those that train together, 0 where it is alone."""
    return dist.get_rank() if _together() else 0


def world() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if _together() else 1


def is_first() -> bool:
    """Return whether this process does what only one may: predict, score, write."""
    return rank() == 0


def wait() -> None:
    """Wait until all have come here."""
    if _together():
        dist.barrier()


@contextmanager
def together() -> Iterator[None]:
    """Join the processes that `torchrun` started; alone, do nothing. gloo on a CPU, NCCL on GPUs."""
    import torch

    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or _together():
        yield
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()
