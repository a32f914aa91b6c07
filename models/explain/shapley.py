"""Shapley values by sampled orders (Castro et al. 2009, doi 10.1016/j.cor.2008.04.004), for nets without a gradient.

A feature is there with all its rows or replaced by blank ones. Along one order of the features the differences add up
to f(x) - f(blank) whatever the order, so their mean does too; orders come in pairs, one the other's reverse.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from models.explain.attribution import Attribution
from models.explain.net_question import Question
from schema.ticks import Float64, Int64

METHOD: Final = "sampled_shapley"
PAIRS: Final = 8  # of orders
_BATCH: Final = 64


def sampled_shapley(question: Question, owner: Int64, seed: int, pairs: int = PAIRS) -> Attribution:
    """Explain a net's mean at its last row. `owner` (inputs,) says which feature an input belongs to."""
    random, n = np.random.default_rng(seed), int(owner.max()) + 1
    total = np.zeros(n)
    for _ in range(pairs):
        order = random.permutation(n)
        for one in (order, order[::-1]):
            total[one] += np.diff(_along(question, owner, one))
    first = np.unique(owner, return_index=True)[1]  # a feature's part goes to its first input
    parts = np.zeros(len(owner))
    parts[first] = total / (2 * pairs)
    with torch.no_grad():
        output, base = (float(question.f(rows[None])[0]) for rows in (question.x, question.blank))
    return Attribution(METHOD, base, parts, output)


@torch.no_grad()
def _along(question: Question, owner: Int64, order: Int64) -> Float64:
    """Return the outputs (n + 1,) while features come in one after the other."""
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    there = torch.from_numpy(place[owner])[None] < torch.arange(len(order) + 1)[:, None]  # (n + 1, inputs)
    parts: list[Tensor] = [
        question.f(torch.where(mask[:, None], question.x, question.blank)) for mask in there.split(_BATCH)
    ]
    return torch.cat(parts).double().numpy()
