"""Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365), computed by captum.

Parts add up to f(x) - f(blank): completeness. The integral is a sum over steps, which are doubled until what is left
over is small; it is told.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from models.explain.attribution import Attribution
from models.explain.net_question import Question

METHOD: Final = "integrated_gradients"
_FEWEST, _MOST = 32, 1024  # steps of the integral
_SMALL: Final = 1e-3  # of the output's distance from the blank one's, that may be left over


def has_gradient(question: Question) -> bool:
    """Return whether the output moves with the inputs in a way that a gradient sees."""
    x = question.x[None].clone().requires_grad_(True)
    with torch.enable_grad():
        out = question.f(x)
    return bool(out.requires_grad)


def integrated_gradients(question: Question) -> Attribution:
    """Explain a net's mean at its last row."""
    from captum.attr import IntegratedGradients  # type: ignore[import-untyped]

    with torch.no_grad():
        output, base = (float(question.f(rows[None])[0]) for rows in (question.x, question.blank))
    method, steps = IntegratedGradients(question.f), _FEWEST
    while True:
        x = question.x[None].clone().requires_grad_(True)
        found = method.attribute(
            x, question.blank[None].contiguous(), n_steps=steps, method="gausslegendre", internal_batch_size=64
        )
        parts = found.detach()[0].double().sum(0).numpy()
        if steps >= _MOST or abs(base + parts.sum() - output) <= _SMALL * max(abs(output - base), 1e-6):
            return Attribution(METHOD, base, np.asarray(parts, np.float64), output)
        steps *= 2
