"""When fitting a net ends before its last epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

_IN_A_ROW = 3  # epochs of divergence that end it
_LEAST_SCALE = 0.1  # nats: what divergence is measured against where the fit loss is near 0


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of `training_history.json`."""

    epoch: int
    fit_loss: float  # mean loss of the fit slice while weights changed, all horizons; most nets: nats, Gaussian
    stop_loss: float  # of the stop slice behind the epoch
    diverged: float = 0.0  # how much wider the gap between both is than at its narrowest, as a share of the fit loss
    grade: int = 1  # of a net that is fitted grade by grade


@dataclass(slots=True)
class Stopper:
    """Early stopping and the detector of overfitting, of one grade.

    The losses of two slices differ by the market they hold, so not their gap is watched but how it grows: by more
    than `divergence` of the fit loss, three epochs in a row, is overfitting.
    """

    patience: int
    divergence: float
    least: float = float("inf")  # stop loss that the grades before came to: what doesn't fall below is no gain
    epochs: list[Epoch] = field(default_factory=list)

    def note(self, epoch: int, fit_loss: float, stop_loss: float, grade: int) -> Epoch:
        """Take the losses of an epoch."""
        gaps = [e.stop_loss - e.fit_loss for e in self.epochs] + [stop_loss - fit_loss]
        grown = (gaps[-1] - min(gaps)) / max(abs(fit_loss), _LEAST_SCALE)
        self.epochs.append(Epoch(epoch, fit_loss, stop_loss, grown, grade))
        return self.epochs[-1]

    @property
    def improved(self) -> bool:
        """Whether the last epoch is better than all before it."""
        return self.epochs[-1].stop_loss < min([self.least, *(e.stop_loss for e in self.epochs[:-1])])

    @property
    def reason(self) -> str:
        """Why fitting ends here: `patience`, `overfitting`, or empty where it goes on."""
        best = min(range(len(self.epochs)), key=lambda k: self.epochs[k].stop_loss)
        if len(self.epochs) - 1 - best >= self.patience:
            return "patience"
        last = self.epochs[-_IN_A_ROW:]
        if len(last) == _IN_A_ROW and best < len(self.epochs) - 1 and all(e.diverged > self.divergence for e in last):
            return "overfitting"
        return ""
