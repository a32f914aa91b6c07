"""The run of a fit: epochs, what a device without room makes of mini-batches, and its checkpoint."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import Net
from models.config import NetConfig
from models.data.dataset import TrainingRefused
from models.data.examples import Examples
from models.training.checkpoints import load_checkpoint, save_checkpoint
from models.training.layouts import Layout, lay_out
from models.training.learner import Learner
from models.training.processes import is_first, rank, world
from models.training.stopping import Epoch, Stopper


class TrainingFailed(TrainingRefused):
    """A fit that went wrong on the way; the message says in which epoch and mini-batch, and what to change."""


class FitRun:
    """The state of a fit between two epochs: everything that the next one depends on."""

    def __init__(
        self, net: Net, config: NetConfig, examples: Examples, rows: tuple[NDArray[np.intp], NDArray[np.intp]],
        seed: int, checkpoint: Path | None,
    ) -> None:  # fmt: skip
        """Begin; `rows` are those to fit on and those that say when to stop."""
        self.net, self.config, self._examples, self._rows, self._seed = net, config, examples, rows, seed
        self._checkpoint = checkpoint
        self.history: list[Epoch] = []
        self.notes: list[str] = []
        self.ended = ""
        self._grade = 0
        self._halved = 0  # times the mini-batch was
        self._lay_out()
        self._begin_grade()

    def share(self) -> float:
        """Return how much is done, 0 to 1."""
        done = self._grade + len(self._stopper.epochs) / self.config.epochs
        return min(done / self.net.grades, 1.0) if not self.ended else 1.0

    def epochs(self) -> Iterator[Epoch]:
        """Run epoch by epoch, grade by grade; the net ends with each grade's best weights.

        A grade that gains nothing on those before keeps the weights that it began with.
        """
        while not self.ended:
            epoch = self._epoch()
            self.history.append(epoch)
            if self._stopper.improved:
                self._best = _copied(self.net.state_dict())
            self.ended = self._stopper.reason or ("epochs" if len(self._stopper.epochs) >= self.config.epochs else "")
            if self.ended:
                self.net.load_state_dict(self._best)
                if self._grade + 1 < self.net.grades:
                    self._grade, self.ended = self._grade + 1, ""
                    self._begin_grade()
            self._keep()
            yield epoch

    def _epoch(self) -> Epoch:
        """Run one epoch, with smaller mini-batches where the device has no room for these."""
        before, number = self._state(), len(self.history) + 1
        while True:
            try:
                fit_loss = self._pass(self._train, number)
                stop_loss = self._pass(self._check)
                return self._stopper.note(number, fit_loss, stop_loss, self._grade + 1)
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                    raise
            gc.collect()  # behind the except clause, which held the frames of the failed step
            self._halve()
            self._restore(before)

    def _pass(self, layout: Layout, epoch: int = 0) -> float:
        """Go once through the rows, mini-batch by mini-batch; learn in epochs from 1 on. Returns the mean loss."""
        learns, total, number = epoch > 0, 0.0, 0
        self.net.train(learns)
        losses = layout.losses(epoch)
        with torch.set_grad_enabled(learns):
            for batch in range(1, len(layout) + 1):
                with torch.autocast(self.config.device, torch.bfloat16, self.config.precision == "bfloat16"):
                    loss, n = next(losses)
                value = float(loss.detach())
                if not np.isfinite(value):
                    raise TrainingFailed(self._not_finite(value, epoch, batch, len(layout)))
                if learns:
                    self.learner.learn(loss, n)
                total, number = total + value, number + int(n)
            if learns:
                self.learner.step()
        return total / max(number, 1)

    def _not_finite(self, value: float, epoch: int, batch: int, batches: int) -> str:
        where = f"epoch {epoch}" if epoch else f"the stop slice behind epoch {len(self.history) + 1}"
        return (
            f"training: the loss of {self.config.architecture} is {value} in {where}, mini-batch {batch} of {batches}; "
            f"lower train.learning_rate ({self.config.learning_rate:g}) or train.clip ({self.config.clip:g}), or look "
            "for columns without bounds in the data-quality report; nothing was registered"
        )

    def _lay_out(self) -> None:
        fit, stop = self._rows
        self._train: Layout = lay_out(self.net, self._examples, fit, self.config, self._seed, (rank(), world()))
        self._check: Layout = lay_out(self.net, self._examples, stop, self.config, self._seed)

    def _begin_grade(self) -> None:
        self.net.begin_grade(self._grade)
        steps = self.config.epochs * -(-len(self._train) // self.config.accumulate)
        self.learner = Learner(self.net, self.config, steps)
        before = [epoch.stop_loss for epoch in self.history if epoch.grade <= self._grade]
        self._stopper = Stopper(self.config.patience, self.config.divergence, min(before, default=np.inf))
        self._best = _copied(self.net.state_dict())

    def _halve(self) -> None:
        """Make mini-batches half as large, and twice as many of them a step."""
        config = self.config
        if max(config.batch, config.streams) < 2:
            raise TrainingFailed(
                f"training: {config.device} has no room for one sequence of {config.architecture}; "
                "use a smaller net, a shorter train.chunk or another train.device; nothing was registered"
            )
        self._halved += 1
        self.config = replace(
            config, batch=max(config.batch // 2, 1), streams=max(config.streams // 2, 1),
            accumulate=config.accumulate * 2,
        )  # fmt: skip
        self.learner.halved()
        self._lay_out()
        self.notes.append(
            f"{config.architecture}: {config.device} ran out of memory in epoch {len(self.history) + 1}; mini-batches "
            f"are {self.config.batch} windows or {self.config.streams} streams from there on"
        )

    def _state(self) -> dict[str, Tensor]:
        return {
            **{f"net.{name}": t for name, t in _copied(self.net.state_dict()).items()},
            **{f"best.{name}": t for name, t in self._best.items()},
            **{f"optimiser.{name}": t for name, t in self.learner.state().items()},
            "rng": torch.get_rng_state(),
            **({"rng.cuda": torch.cuda.get_rng_state()} if self.config.device == "cuda" else {}),
        }

    def _restore(self, tensors: Mapping[str, Tensor]) -> None:
        self.net.load_state_dict(_part(tensors, "net."))
        self._best = _part(tensors, "best.")
        self.learner.restore(_part(tensors, "optimiser."))
        torch.set_rng_state(tensors["rng"])
        if "rng.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["rng.cuda"])

    def _keep(self) -> None:
        if self._checkpoint is not None and is_first():
            about = {
                "history": [asdict(epoch) for epoch in self.history], "grade": self._grade, "ended": self.ended,
                "halved": self._halved, "notes": self.notes, "grade_epochs": len(self._stopper.epochs),
            }  # fmt: skip
            save_checkpoint(self._checkpoint, self._state(), about)

    def resume(self) -> None:
        """Go on where the checkpoint was written, if there is one. Raises BadCheckpoint."""
        if self._checkpoint is None or not self._checkpoint.is_file():
            return
        tensors, about = load_checkpoint(self._checkpoint)
        for _ in range(about["halved"]):
            self._halve()
        self.notes = list(about["notes"])
        self.history = msgspec.convert(about["history"], list[Epoch])
        while self._grade < about["grade"]:
            self._grade += 1
            self._begin_grade()
        self._stopper.epochs = self.history[len(self.history) - about["grade_epochs"] :]
        self.ended = about["ended"]
        self._restore(tensors)


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
