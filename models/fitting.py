"""Fit a net as it is served: one loop of epochs for both kinds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.architectures import Net, build
from models.config import LABEL_CLIP, NetConfig
from models.examples import Examples
from models.labels import Float32
from models.layouts import Layout, lay_out
from schema.ticks import Int32


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of `training_history.json`."""

    epoch: int
    fit_loss: float  # mean negative log likelihood in units of the label, all horizons
    stop_loss: float


def fit_net(
    config: NetConfig,
    x: Float32,
    y: Float32,
    symbol: Int32,
    eligible: NDArray[np.bool_],
    fit: NDArray[np.intp],
    stop: NDArray[np.intp],
    seed: int,
    progress: Callable[[str, float], None],
) -> tuple[Net, list[Epoch]]:
    """Fit on the rows of `fit`, keep the epoch that is best on those of `stop`.

    `x` (n, F) inputs and `y` (n, H) labels of all rows, NaN where there is none.
    """
    torch.manual_seed(seed)
    net = build(config.architecture, x.shape[1], y.shape[1], **config.options)
    labels = torch.from_numpy(np.clip(y, -LABEL_CLIP, LABEL_CLIP))
    examples = Examples(torch.from_numpy(x), labels, symbol, eligible)
    train = lay_out(net, examples, fit, config, seed)
    check = lay_out(net, examples, stop, config, seed)
    learner = _Learner(net, config, config.epochs * len(train))
    history: list[Epoch] = []
    best, weights = float("inf"), copy.deepcopy(net.state_dict())
    for epoch in range(1, config.epochs + 1):
        fit_loss = _pass(net, train, epoch, learner)
        stop_loss = _pass(net, check)
        history.append(Epoch(epoch, fit_loss, stop_loss))
        progress(f"net: epoch {epoch} of {config.epochs}, loss {fit_loss:.4f}, stop {stop_loss:.4f}",
                 epoch / config.epochs)  # fmt: skip
        if stop_loss < best:
            best, weights = stop_loss, copy.deepcopy(net.state_dict())
        elif epoch - min(history, key=lambda e: e.stop_loss).epoch >= config.patience:
            break
    net.load_state_dict(weights)
    return net.eval().requires_grad_(False), history


class _Learner:
    """AdamW at a rate that falls along half a cosine to nothing after `steps`, the gradient's norm clipped."""

    def __init__(self, net: Net, config: NetConfig, steps: int) -> None:
        self._parameters, self._clip = list(net.parameters()), config.clip
        self._optimiser = torch.optim.AdamW(self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, steps)

    def step(self) -> None:
        """Take one step and forget the gradients."""
        torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()


def _pass(net: Net, layout: Layout, epoch: int = 0, learner: _Learner | None = None) -> float:
    """Go once through the rows, mini-batch by mini-batch; learn if there is a learner. Returns the mean loss."""
    net.train(learner is not None)
    total, number = 0.0, 0
    with torch.set_grad_enabled(learner is not None):
        for loss, n in layout.losses(epoch):
            if learner is not None:
                (loss / n.clamp(min=1)).backward()
                learner.step()
            total, number = total + float(loss.detach()), number + int(n)
    return total / max(number, 1)
