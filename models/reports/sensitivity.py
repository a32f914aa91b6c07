"""What a net listens to: how far its mean moves with each column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from models.architectures import Net, StepNet, WindowNet
from models.data.problem import Problem
from models.training.members import Fitted
from models.training.windows import WindowIndex, gather

_SAMPLE: Final = 256  # test rows
_STEPS: Final = 32  # rows that a net with a state is run over before each


def sensitivity(fitted: Mapping[str, Fitted], problem: Problem) -> dict[str, dict[str, float]]:
    """Return, for each net, each column's share of how far its mean at the primary horizon moves with the inputs.

    The mean absolute gradient over a sample of test rows, summed over the last rows of their series. It says what the
    net listens to, not whether that is of use.
    """
    return {
        name: _of_net(member.fit.net, problem, problem.fold.test)
        for name, member in fitted.items()
        if member.fit is not None and member.columns == problem.columns
    }


def _of_net(net: Net, problem: Problem, rows: NDArray[np.intp]) -> dict[str, float]:
    window = net.window if isinstance(net, WindowNet) else _STEPS
    index = WindowIndex(problem.dataset.symbol, problem.dataset.eligible, window)
    ends = rows[index.full[rows]]
    if not len(ends):
        return {}
    ends = ends[:: -(-len(ends) // _SAMPLE)]
    x = gather(torch.from_numpy(problem.x), index(ends)).requires_grad_(True)
    with torch.enable_grad():
        heads = net(x, net.start(len(ends)))[0][:, -1] if isinstance(net, StepNet) else net(x)
        total = heads[:, :, 0].abs().sum()
    if not total.requires_grad:  # it draws its inputs, or reads them through frozen grades: no gradient passes
        return {}
    total.backward()
    assert x.grad is not None
    weight = x.grad.abs().sum(dim=1).mean(dim=0).numpy()
    columns = problem.columns
    owner = [*range(len(columns)), *(k for k, column in enumerate(columns) if column.masked)]
    summed = np.bincount(owner, weight, len(columns))
    shares = summed / max(summed.sum(), np.finfo(float).tiny)
    return {column.name: float(share) for column, share in zip(columns, shares)}
