"""TreeSHAP (Lundberg et al. 2020, doi 10.1038/s42256-019-0138-9), as LightGBM and XGBoost compute it themselves.

Path-dependent: a feature that isn't known sends a row down both branches, in the shares in which training rows went.
The base value is the mean over those rows, and the parts add up to the raw score (the margin).
"""

from __future__ import annotations

import numpy as np

from models.explain.attribution import Attribution
from models.labels import Float32
from models.trees.flat import parse_forest, walk
from schema.ticks import Float64

METHOD = "tree_shap"


def tree_shap(text: str, x: Float32) -> Attribution:
    """Explain the raw score at one row x (inputs,) of a model text of LightGBM or XGBoost."""
    rows = x[None]
    found = _xgboost(text, rows) if text.startswith("{") else _lightgbm(text, rows)
    return Attribution(METHOD, float(found[-1]), found[:-1], float(walk(parse_forest(text), rows)[0]))


def _lightgbm(text: str, rows: Float32) -> Float64:
    import lightgbm

    booster = lightgbm.Booster(model_str=text)
    found: Float64 = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1), np.float64)
    return found.reshape(-1)


def _xgboost(text: str, rows: Float32) -> Float64:
    import xgboost

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(text.encode()))
    found: Float64 = np.asarray(booster.predict(xgboost.DMatrix(rows), pred_contribs=True), np.float64)
    return found.reshape(-1)
