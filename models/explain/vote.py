"""With which weights the members of a prediction voted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.registry.bundle import Bundle
from schema.ticks import Float64

_FIRM = 1e3  # times as much as the rounded probabilities count the exact conditions
_CLOSE = 1e-4


def vote_of(
    bundle: Bundle, means: Mapping[str, float], votes: Mapping[str, Float64], served: Float64, mean: float
) -> tuple[dict[str, float], bool]:
    """Return the weights of the members that spoke, adding up to 1, and whether they are certain.

    `means` are the members' and `mean` the served one, in units of the label; `votes` (3,) theirs and `served` (3,) the
    served probabilities. Weights that follow performance aren't stored: they are solved for, which isn't always
    possible; then they are the ones that the vote began with.
    """
    given = {name: bundle.weights[name] for name in means}
    start = {name: weight / sum(given.values()) for name, weight in given.items()}
    if bundle.vote not in ("dynamic", "performance"):
        return start, True
    names = list(means)
    table = np.array([[*votes[n], _FIRM * means[n], _FIRM] for n in names]).T  # (5, M)
    wanted = np.array([*served, _FIRM * mean, _FIRM])
    found, _, rank, _ = np.linalg.lstsq(table, wanted, rcond=1e-9)
    fits = np.abs(table @ found - wanted).max() <= _CLOSE and found.min() >= -_CLOSE
    if rank < len(names) or not fits:
        return start, False
    weights = np.clip(found, 0, None) / np.clip(found, 0, None).sum()
    return dict(zip(names, weights.tolist(), strict=True)), True
