"""Fit a net as it is served: truncated back-propagation through time with carried state."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import StepNet, build
from models.config import LABEL_CLIP, NetConfig
from models.labels import Float32
from models.sequences import Pieces, pieces_of
from schema.ticks import Int32


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of `training_history.json`."""

    epoch: int
    fit_loss: float  # mean negative log likelihood in units of the label, all horizons
    stop_loss: float


def negative_log_likelihood(heads: Tensor, y: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum and the number of Gaussian terms: heads (..., H, 2), labels (..., H) with NaN, counts (...)."""
    there = counts.unsqueeze(-1) & torch.isfinite(y)
    mean, log_variance = heads.unbind(-1)
    error = torch.where(there, y, 0.0) - mean
    terms = 0.5 * (np.log(2 * np.pi) + log_variance + error * error * torch.exp(-log_variance))
    return torch.where(there, terms, 0.0).sum(), there.sum()


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
) -> tuple[StepNet, list[Epoch]]:
    """Fit on the rows of `fit`, keep the epoch that is best on those of `stop`.

    `x` (n, F) inputs and `y` (n, H) labels of all rows, NaN where there is none.
    """
    torch.manual_seed(seed)
    net = build(config.architecture, x.shape[1], y.shape[1], **config.options)
    inputs, labels = torch.from_numpy(x), torch.from_numpy(np.clip(y, -LABEL_CLIP, LABEL_CLIP))
    train = pieces_of(symbol, eligible, _mask(fit, len(x)), config.streams, config.burn_in, config.chunk)
    check = pieces_of(symbol, eligible, _mask(stop, len(x)), config.streams, config.burn_in, config.chunk)
    steps = config.epochs * (train.row.shape[1] // config.chunk)
    learner = _Learner(net, config, steps)
    history: list[Epoch] = []
    best, weights = float("inf"), copy.deepcopy(net.state_dict())
    for epoch in range(1, config.epochs + 1):
        fit_loss = _pass(net, inputs, labels, train, config.chunk, learner)
        stop_loss = _pass(net, inputs, labels, check, config.chunk)
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

    def __init__(self, net: StepNet, config: NetConfig, steps: int) -> None:
        self._parameters, self._clip = list(net.parameters()), config.clip
        self._optimiser = torch.optim.AdamW(self._parameters, lr=config.learning_rate, weight_decay=config.weight_decay)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, steps)

    def step(self) -> None:
        """Take one step and forget the gradients."""
        torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()


def _pass(net: StepNet, x: Tensor, y: Tensor, pieces: Pieces, chunk: int, learner: _Learner | None = None) -> float:
    """Go once through the pieces, chunk by chunk; learn if there is a learner. Returns the mean loss."""
    net.train(learner is not None)
    state, total, number = net.start(len(pieces.row)), 0.0, 0
    with torch.set_grad_enabled(learner is not None):
        for first in range(0, pieces.row.shape[1], chunk):
            rows = torch.from_numpy(pieces.row[:, first : first + chunk])
            counts = torch.from_numpy(pieces.counts[:, first : first + chunk])
            heads, state = net(x[rows], state)  # padded rows read row -1 and carry no loss
            loss, n = negative_log_likelihood(heads, y[rows], counts)
            state = state.detach()
            if learner is not None:
                (loss / n.clamp(min=1)).backward()
                learner.step()
            total, number = total + float(loss.detach()), number + int(n)
    return total / max(number, 1)


def _mask(rows: NDArray[np.intp], n: int) -> NDArray[np.bool_]:
    mask = np.zeros(n, np.bool_)
    mask[rows] = True
    return mask
