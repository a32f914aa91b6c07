"""One optimiser's step: AdamW at a rate that is a function of the step's number alone, the gradient's norm clipped.

With several processes (torchrun), gradients are summed over them, so that all take the same step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch import distributed as dist

from models.architectures import Net
from models.config import SCHEDULES, NetConfig

_WARM_UP = 0.3  # of a one-cycle schedule, as its authors have it (Smith and Topin 2018)
_LEAST = 0.04  # of the rate, where one cycle begins
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def rate_share(schedule: str, step: int, steps: int) -> float:
    """Return the share of the learning rate at a step from 0 on. Raises ValueError on an unknown schedule."""
    at = min(step / max(steps, 1), 1.0)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * at))
    if schedule == "one_cycle":
        if at < _WARM_UP:
            return _LEAST + (1 - _LEAST) * 0.5 * (1 - math.cos(math.pi * at / _WARM_UP))
        return 0.5 * (1 + math.cos(math.pi * (at - _WARM_UP) / (1 - _WARM_UP)))
    if schedule == "constant":
        return 1.0
    raise ValueError(f"schedule {schedule!r} is unknown; expected one of {', '.join(SCHEDULES)}")


class Learner:
    """Steps the parameters of a net that want a gradient."""

    def __init__(self, net: Net, config: NetConfig, steps: int) -> None:
        """`steps` is how many there will be at most: the schedule's length."""
        self._config, self._steps = config, steps
        self._named = {name: p for name, p in net.named_parameters() if p.requires_grad}
        self._optimiser = torch.optim.AdamW(
            self._named.values(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._taken = self._gathered = 0

    def learn(self, loss: Tensor, n: Tensor) -> None:
        """Add the gradient of the mean of n losses; take a step where enough mini-batches are gathered."""
        if _together():
            n = n.clone()
            dist.all_reduce(n)
        (loss / (n.clamp(min=1) * self._config.accumulate)).backward()
        self._gathered += 1
        if self._gathered >= self._config.accumulate:
            self.step()

    def halved(self) -> None:
        """Gather twice as many mini-batches a step from here on: they became half as large."""
        self._config = replace(self._config, accumulate=self._config.accumulate * 2)

    def step(self) -> None:
        """Take one step with what is gathered, if anything is, and forget the gradients."""
        if not self._gathered:
            return
        parameters = [p for p in self._named.values() if p.grad is not None]
        if _together():
            for gradient in (p.grad for p in parameters):
                assert gradient is not None
                dist.all_reduce(gradient)
        torch.nn.utils.clip_grad_norm_(parameters, self._config.clip)
        share = rate_share(self._config.schedule, self._taken, self._steps)
        for group in self._optimiser.param_groups:
            group["lr"] = self._config.learning_rate * share
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._taken, self._gathered = self._taken + 1, 0

    def state(self) -> dict[str, Tensor]:
        """Return the optimiser's tensors by name, copied, and the number of steps taken."""
        known = self._optimiser.state
        tensors = {
            f"{moment}.{name}": known[p][moment].detach().cpu().clone()
            for name, p in self._named.items() if p in known for moment in _MOMENTS
        }  # fmt: skip
        return {**tensors, "taken": torch.tensor(self._taken)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on where `state` was read, at the beginning of an epoch."""
        self._optimiser.zero_grad()
        self._optimiser.state.clear()
        self._taken, self._gathered = int(tensors["taken"]), 0
        for name, p in self._named.items():
            if f"step.{name}" in tensors:
                moments = {m: tensors[f"{m}.{name}"].clone() for m in _MOMENTS}
                self._optimiser.state[p] = {m: t if m == "step" else t.to(p.device) for m, t in moments.items()}


def _together() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
