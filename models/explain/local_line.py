"""LIME (Ribeiro et al. 2016, arXiv 1602.04938): a weighted linear model of what a member says around one row.

Rows around it are drawn from the spread of the series' own rows. Of a net over several rows, a column's whole window is
moved by as much as its last row is. The line fits only so well: its R2 is told, and the parts add up to what it says,
which isn't quite what the member says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch

from models.explain.attribution import Attribution
from models.explain.net_question import Question
from models.labels import Float32
from schema.ticks import Float64

METHOD: Final = "lime"
LEAST_ROWS: Final = 30  # whose spread is that of the draws
_SAMPLES: Final = 1000
_BATCH: Final = 64

Ask = Callable[[Float64], Float64]  # inputs (n, D) of the last row to outputs (n,)


def lime(ask: Ask, x: Float32, background: Float32, seed: int) -> Attribution:
    """Explain `ask` at one row x (D,) by draws with the spread of the rows `background` (n, D).

    Raises ValueError where there are fewer than 30 of them.
    """
    from lime.lime_tabular import LimeTabularExplainer  # type: ignore[import-untyped]

    if len(background) < LEAST_ROWS:
        raise ValueError(f"explain: {len(background)} rows of the series, while LIME needs {LEAST_ROWS}; wait for more")
    explainer: Any = LimeTabularExplainer(
        background.astype(np.float64), mode="regression", discretize_continuous=False, sample_around_instance=True,
        feature_selection="none", random_state=seed,
    )  # fmt: skip
    row = x.astype(np.float64)
    found = explainer.explain_instance(row, ask, num_features=len(row), num_samples=_SAMPLES)
    mean, scale = explainer.scaler.mean_, explainer.scaler.scale_
    slopes = np.zeros(len(row))
    for k, slope in found.local_exp[1]:
        slopes[k] = slope
    parts = slopes * (row - mean) / scale
    return Attribution(METHOD, float(found.intercept[1]), parts, float(ask(row[None])[0]), fit=float(found.score))


def asked_of(question: Question) -> Ask:
    """Return a net as a function of its last row, the columns' windows moving along."""

    @torch.no_grad()
    def ask(rows: Float64) -> Float64:
        moved = torch.from_numpy(rows.astype(np.float32)) - question.x[-1]  # (n, D)
        parts = [question.f(question.x + part[:, None]) for part in moved.split(_BATCH)]
        return torch.cat(parts).double().numpy()

    return ask
