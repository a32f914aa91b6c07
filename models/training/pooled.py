"""Out-of-fold rows: what a member said of rows it was not fitted on, fold after fold, and its calibration by them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.evaluation.calibration import fit_class_map, fit_variance_scale, probabilities
from models.evaluation.scoring import Forecast
from schema.ticks import Float64

_MAP_HORIZONS = (1, 2, 3, 5, 10, 20, 30)  # the class map is fitted on these and the primary one
_MOST_ROWS = 40_000  # that calibration looks at: the newest


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns raw heads into calibrated ones."""

    variance_scale: float
    class_map: tuple[float, float, float]
    mean_map: tuple[float, ...] = ()  # of trees, (H,): the other horizons by the primary one's
    variance_map: tuple[float, ...] = ()


@dataclass(slots=True)
class Pool:
    """A member's calibrate rows of all folds so far: raw mean and log variance (n, H or 1), labels (n, H)."""

    primary: int
    _mean: list[Float64] = field(default_factory=list)
    _log_variance: list[Float64] = field(default_factory=list)
    _y: list[Float64] = field(default_factory=list)

    def add(self, mean: Float64, log_variance: Float64, y: Float64) -> None:
        """Take the calibrate rows of one fold; those without a prediction are left out."""
        there = np.isfinite(mean[:, min(self.primary, mean.shape[1]) - 1])
        for kept, new in ((self._mean, mean), (self._log_variance, log_variance), (self._y, y)):
            kept.append(new[there][-_MOST_ROWS:])
            while sum(map(len, kept[1:])) >= _MOST_ROWS:  # the oldest fold is behind what calibration looks at
                kept.pop(0)

    def calibrate(self) -> Calibration:
        """Fit the variance scale, the class map and, for trees, the other horizons on the newest pooled rows."""
        mean, log_variance, y = (
            np.concatenate(parts)[-_MOST_ROWS:] for parts in (self._mean, self._log_variance, self._y)
        )
        mean_map: tuple[float, ...] = ()
        variance_map: tuple[float, ...] = ()
        if mean.shape[1] == 1:
            mean_map, variance_map = _derive(mean[:, 0], log_variance[:, 0], y, self.primary)
            mean, log_variance = spread(mean, log_variance, mean_map, variance_map)
        at = self.primary - 1
        scale = fit_variance_scale(mean[:, at], log_variance[:, at], y[:, at])
        log_variance = log_variance + np.log(scale)
        parts: list[tuple[Float64, ...]] = []
        for h in sorted({self.primary, *(h for h in _MAP_HORIZONS if h <= y.shape[1])}):
            there = np.isfinite(y[:, h - 1])
            shift = np.full(int(there.sum()), np.log(h / self.primary))
            parts.append((mean[there, h - 1], log_variance[there, h - 1], y[there, h - 1], shift))
        class_map = fit_class_map(*(np.concatenate(columns) for columns in zip(*parts)))
        return Calibration(scale, class_map, mean_map, variance_map)


def spread(
    mean: Float64, log_variance: Float64, mean_map: tuple[float, ...], variance_map: tuple[float, ...]
) -> tuple[Float64, Float64]:
    """Return all horizons (n, H) of trees, from the primary one's (n, 1)."""
    return mean * np.array(mean_map), log_variance + np.log(variance_map)


def forecast(calibration: Calibration, mean: Float64, log_variance: Float64, primary: int) -> Forecast:
    """Return the calibrated forecast at the primary horizon of raw heads (n, H or 1)."""
    at = min(primary, mean.shape[1]) - 1
    m, s = mean[:, at], log_variance[:, at] + np.log(calibration.variance_scale)
    return Forecast(m, s, probabilities(m, s, calibration.class_map, primary, primary))


def _derive(
    mean: Float64, log_variance: Float64, labels: Float64, primary: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Fit how mean and variance at the primary horizon carry over to each other one, by least squares."""
    factors, scales = [], []
    for h in range(1, labels.shape[1] + 1):
        there = np.isfinite(labels[:, h - 1])
        m, y = mean[there], labels[there, h - 1]
        power = float(m @ m)
        factor = float(np.clip(m @ y / power, 0.0, 3.0)) if power > 0 else 0.0
        scale = float(np.mean((y - factor * m) ** 2) / np.mean(np.exp(log_variance[there]))) if there.any() else 1.0
        factors.append(1.0 if h == primary else factor)
        scales.append(1.0 if h == primary else max(scale, 1e-4))
    return tuple(factors), tuple(scales)
