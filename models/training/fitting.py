"""Fit a net as it is served: one loop of epochs for both kinds of nets."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import Net, build
from models.config import NetConfig
from models.data.examples import Examples
from models.labels import Float32
from models.progress import Progress, Step
from models.training.augmentation import augmented
from models.training.class_weights import weighted_by_class
from models.training.fit_run import FitRun
from models.training.stopping import Epoch
from schema.ticks import Int32


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted net and how it came about."""

    net: Net
    history: list[Epoch]
    ended: str  # "epochs", "patience" or "overfitting"; of the last grade
    optimiser: dict[str, Tensor]  # the optimiser's tensors behind the last epoch
    notes: tuple[str, ...] = ()  # what a reader should know: a mini-batch that had to be halved


def fit_net(
    config: NetConfig,
    x: Float32,
    y: NDArray[np.floating],
    symbol: Int32,
    eligible: NDArray[np.bool_],
    fit: NDArray[np.intp],
    stop: NDArray[np.intp],
    seed: int,
    progress: Progress,
    *,
    checkpoint: Path | None = None,
    start: Mapping[str, Tensor] | None = None,
) -> Fit:
    """Fit on the rows of `fit`, keep the epoch that is best on those of `stop`.

    `x` (n, F) inputs and `y` (n, H) labels of all rows, NaN where there is none; both may be mapped files. After each
    epoch the run is kept in the file `checkpoint`, and goes on from there if it is there: to the same bits as if it had
    never been broken off. `start` are weights to begin with. Raises TrainingFailed where the loss is no number,
    BadCheckpoint.
    """
    torch.manual_seed(seed)
    net = build(config.architecture, x.shape[1], y.shape[1], **config.options)
    if start is not None:
        net.load_state_dict(dict(start))
    device = torch.device(config.device)
    examples = Examples(torch.from_numpy(x), torch.from_numpy(y), symbol, eligible, device)
    run = FitRun(net.to(device), config, examples, (fit, stop), seed, checkpoint)
    with ExitStack() as stack:
        stack.enter_context(augmented(net, config.augment, config.options.get("places", ())))
        if config.class_weights:
            stack.enter_context(weighted_by_class(net, y, fit))
        run.resume()
        for epoch in run.epochs():
            where = f"grade {epoch.grade} of {net.grades}, " if net.grades > 1 else ""
            epochs = config.epochs * net.grades
            text = (
                f"{config.architecture}: {where}epoch {epoch.epoch} of {epochs}, loss {epoch.fit_loss:.4f}, "
                f"stop {epoch.stop_loss:.4f}"
            )
            progress(Step(text, run.share(), epoch.epoch, epochs, epoch.fit_loss, epoch.stop_loss))
    return Fit(net.cpu().eval().requires_grad_(False), run.history, run.ended, run.learner.state(), tuple(run.notes))
