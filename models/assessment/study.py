"""Walk forward without registering anything: what `undertone train` would fit, judged instead of published."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.assessment.assessment import Tested
from models.config import TrainingConfig
from models.data.dataset import Dataset
from models.data.folds import folds_of
from models.data.quality import examine
from models.progress import Progress, silent
from models.training.walk import pooled, walk_forward


def study(dataset: Dataset, config: TrainingConfig, names: Sequence[str] = (), progress: Progress = silent) -> Tested:
    """Return the forecasts of the test rows of all folds, the vote's or the only member's first.

    `names` are the symbols' by their id. Raises TrainingRefused as `train` does.
    """
    examine(dataset, config).refuse()
    torch.set_num_threads(config.threads)
    walk = walk_forward(dataset, config, folds_of(dataset, config), None, None, progress)
    rows, outcome, forecasts = pooled(walk)
    vote = forecasts.pop("ensemble")
    if len(config.members) > 1:
        forecasts = {"ensemble": vote, **forecasts}
    return Tested(dataset, rows, outcome, forecasts, config.primary, names)
