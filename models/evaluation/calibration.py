"""Calibration on rows no member was fitted on: one scale of the variance, one map of the classes."""

from __future__ import annotations

import numpy as np

from models.classes import BOUND, map_classes, normal_classes
from models.config import LABEL_CLIP
from schema.ticks import Float64, Int64

_RIDGE = 1e-3  # pulls the map towards the identity where the slice says little
_STEPS = 30


def class_of(y: Float64) -> Int64:
    """Return 0 down, 1 sideways, 2 up of labels in units of sigma_t sqrt(h)."""
    return np.where(np.abs(y) < BOUND, 1, np.where(y < 0, 0, 2))


def fit_variance_scale(mean: Float64, log_variance: Float64, y: Float64) -> float:
    """Return the factor of the variances that maximises the Gaussian likelihood of labels (n,)."""
    y = np.clip(y, -LABEL_CLIP, LABEL_CLIP)
    return float(np.clip(np.mean((y - mean) ** 2 * np.exp(-log_variance)), 1e-4, 1e4))


def fit_class_map(mean: Float64, log_variance: Float64, y: Float64, log_horizon: Float64) -> tuple[float, float, float]:
    """Fit (temperature, sideways, sideways a log horizon) by log loss: a convex problem, solved by Newton's method.

    All arrays (n,): calibrated heads, labels, and log(h / primary) of each row.
    """
    log_p = normal_classes(mean, log_variance)
    label = np.eye(3)[class_of(y)]
    middle = np.array([0.0, 1.0, 0.0])
    slopes = np.stack(
        [log_p, np.broadcast_to(middle, log_p.shape), log_horizon[:, None] * middle], axis=-1
    )  # (n, 3 classes, 3 parameters)
    identity = np.array([1.0, 0.0, 0.0])
    theta = identity.copy()
    loss = _loss(theta, slopes, label, identity)
    for _ in range(_STEPS):
        p = _softmax(slopes @ theta)
        gradient = np.einsum("nc,ncp->p", p - label, slopes) / len(y) + _RIDGE * (theta - identity)
        centred = slopes - np.einsum("nc,ncp->np", p, slopes)[:, None, :]
        hessian = np.einsum("nc,ncp,ncq->pq", p, centred, centred) / len(y) + _RIDGE * np.eye(3)
        step = np.linalg.solve(hessian, gradient)
        share = 1.0
        while (better := _loss(theta - share * step, slopes, label, identity)) > loss and share > 1e-6:
            share *= 0.5
        theta, gain, loss = theta - share * step, loss - better, better
        if gain < 1e-12:
            break
    temperature, sideways, slope = (float(v) for v in theta)
    return min(max(temperature, 0.05), 10.0), min(max(sideways, -20.0), 20.0), min(max(slope, -5.0), 5.0)


def _softmax(logits: Float64) -> Float64:
    p: Float64 = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return p


def _loss(theta: Float64, slopes: Float64, label: Float64, identity: Float64) -> float:
    likelihood = np.maximum((_softmax(slopes @ theta) * label).sum(axis=1), 1e-300)
    return float(-np.mean(np.log(likelihood)) + 0.5 * _RIDGE * np.sum((theta - identity) ** 2))


def probabilities(
    mean: Float64, log_variance: Float64, class_map: tuple[float, float, float], horizon: int, primary: int
) -> Float64:
    """Return calibrated probabilities (n, 3) at a horizon, from calibrated heads."""
    temperature, sideways, slope = class_map
    log_p = normal_classes(mean, log_variance)
    return map_classes(log_p, temperature, sideways + slope * float(np.log(horizon / primary)))  # type: ignore[no-any-return]
