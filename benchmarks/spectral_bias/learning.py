"""One deep net, and four shallow ones learned in turn: the same layers, data, optimiser and number of steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from benchmarks.spectral_bias.problem import Problem, relative_squared_error

GRADES: Final = 4
WIDTH: Final = 256


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and fast to learn. The rate falls exponentially from `fast` to `slow`, in each grade anew."""

    steps: int
    batch: int
    fast: float = 1e-3
    slow: float = 1e-4
    looks: int = 60  # how often errors are taken over a whole run

    def rate(self, share: float) -> float:
        """Return the learning rate after a share of the steps."""
        return float(self.fast * (self.slow / self.fast) ** share)


@dataclass(slots=True)
class Course:
    """What a run came to: errors at each look."""

    step: list[int] = field(default_factory=list)
    train: list[float] = field(default_factory=list)  # relative squared error on the grid
    test: list[float] = field(default_factory=list)
    by_frequency: list[list[float]] = field(default_factory=list)  # K each
    seconds: float = 0.0  # processor time of learning, without the looks

    def look(self, problem: Problem, step: int, train: Tensor, test: Tensor) -> None:
        """Take the errors of predictions (n, 1) and (m, 1)."""
        on_grid, tested = (p.squeeze(1).double().numpy() for p in (train, test))
        self.step.append(step)
        self.train.append(relative_squared_error(on_grid, problem.y))
        self.test.append(relative_squared_error(tested, problem.test_y))
        self.by_frequency.append(problem.error_by_frequency(on_grid).tolist())


def deep(problem: Problem, schedule: Schedule, seed: int = 1) -> Course:
    """Learn by one net of 2 x `GRADES` hidden layers of `WIDTH`."""
    torch.manual_seed(seed)
    course, (x, y, test_x) = Course(), _tensors(problem)
    net = nn.Sequential(_hidden(1, 2 * GRADES), nn.Linear(WIDTH, 1))
    every = max(schedule.steps // schedule.looks, 1)
    course.seconds = _learn(
        net, x, y, schedule, schedule.steps, lambda s: course.look(problem, s, net(x), net(test_x)), every, seed
    )
    return course


def graded(problem: Problem, schedule: Schedule, seed: int = 1) -> Course:
    """Learn by `GRADES` nets of 2 hidden layers, `schedule.steps` shared out among them.

    Each reads the last hidden features of the one before, which is frozen by then, and is fitted to what the sum of
    those before leaves of y. Its features are computed once.
    """
    torch.manual_seed(seed)
    course, (x, y, test_x) = Course(), _tensors(problem)
    steps, every = schedule.steps // GRADES, max(schedule.steps // schedule.looks, 1)
    total, test_total = torch.zeros_like(y), torch.zeros(len(test_x), 1)
    for grade in range(GRADES):
        hidden = _hidden(x.shape[1], 2)
        net = nn.Sequential(hidden, nn.Linear(WIDTH, 1))
        look = partial(_look_at_sum, course, problem, grade * steps, net, (x, total), (test_x, test_total))
        course.seconds += _learn(net, x, y - total, schedule, steps, look, every, seed + grade)
        with torch.no_grad():
            total, test_total = total + net(x), test_total + net(test_x)
            x, test_x = hidden(x), hidden(test_x)
    return course


def _look_at_sum(
    course: Course, problem: Problem, first: int, net: nn.Module, train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor], step: int,
) -> None:  # fmt: skip
    """Look at a grade upon the sum of those before; `train` and `test` are its inputs and that sum."""
    course.look(problem, first + step, *(total + net(x) for x, total in (train, test)))


def _hidden(inputs: int, layers: int) -> nn.Sequential:
    """Return ReLU layers. torch's initialisation, uniform on +-1/sqrt(inputs), is the one of the authors' code."""
    widths = [inputs] + [WIDTH] * layers
    return nn.Sequential(*(m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())))


def _learn(
    net: nn.Module, x: Tensor, y: Tensor, schedule: Schedule, steps: int, look: Callable[[int], None], every: int,
    seed: int,
) -> float:  # fmt: skip
    """Take Adam steps on the mean squared error of shuffled batches; return the processor seconds they took."""
    shuffle = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), schedule.fast)
    order, seconds = torch.empty(0, dtype=torch.int64), 0.0
    for step in range(1, steps + 1):
        begin = time.process_time()
        if len(order) < schedule.batch:
            order = torch.randperm(len(x), generator=shuffle)
        rows, order = order[: schedule.batch], order[schedule.batch :]
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step / steps)
        optimiser.zero_grad()
        (net(x[rows]) - y[rows]).square().mean().backward()
        optimiser.step()
        seconds += time.process_time() - begin
        if step % every == 0 or step == steps:
            with torch.inference_mode():
                look(step)
    return seconds


def _tensors(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    x, y, test_x = (torch.from_numpy(v).float().unsqueeze(1) for v in (problem.x, problem.y, problem.test_x))
    return x, y, test_x
