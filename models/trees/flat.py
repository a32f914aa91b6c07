"""Gradient-boosted trees as flat arrays, read from the text formats of LightGBM and XGBoost.

Walked by our own kernels (models.trees.tree_walk) they give the bits of the library's `predict` of the raw score, since
leaves are added in the trees' order and in the library's precision; without its import and per-call cost. Only numeric
splits without missing values are understood, which is what `Inputs` leaves to them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.labels import Float32
from models.trees.tree_walk import Ranks, rank_leaves, walk_ranks, walk_trees
from schema.ticks import Bool, Float64, Int32, Int64

_DEFAULT_LEFT = 2  # LightGBM's decision type: bit 0 categorical, bit 1 default left, bits 2-3 missing type
_FEW = 8  # rows: fewer are walked one by one, which costs less than a block of them


@dataclass(frozen=True)
class Forest:
    """Nodes of all trees. A child below zero is leaf `~child`; a tree of one leaf has that as its root."""

    root: Int64  # (trees,)
    feature: Int32  # (nodes,)
    threshold: Float64  # x <= threshold goes left
    left: Int64
    right: Int64
    leaf: NDArray[np.floating]  # (leaves,) float64 of LightGBM, float32 of XGBoost: what the library adds in
    base: float = 0.0  # what the sum begins with, rounded to the leaves' precision

    @cached_property
    def ranks(self) -> Ranks | None:
        """The form that walks many rows at once, None where a tree has too many leaves for it."""
        return rank_leaves(self.root, self.feature, self.threshold, self.left, self.right, self.leaf)


def walk(forest: Forest, x: Float32) -> Float64:
    """Return the base and the sum of the leaves that inputs (n, F) fall into, (n,)."""
    out, base = np.empty(len(x)), forest.leaf.dtype.type(forest.base)
    if len(x) < _FEW or forest.ranks is None:
        walk_trees(forest.root, forest.feature, forest.threshold, forest.left, forest.right, forest.leaf, base, x, out)
    else:
        walk_ranks(*forest.ranks, base, x, out)
    return out


def parse_forest(text: str) -> Forest:
    """Read a model that LightGBM's `save_model` or XGBoost's (as JSON) wrote.

    Raises ValueError on what it doesn't understand.
    """
    return _parse_xgboost(_json(text)) if text.startswith("{") else _parse_lightgbm(text)


def split_gains(text: str, n_inputs: int) -> Float64:
    """Return the sum (n_inputs,) of the gains of the splits on each input, over all trees of a text."""
    total = np.zeros(n_inputs)
    if text.startswith("{"):
        for tree in _xgboost_trees(_json(text)):
            inner = np.array(tree["left_children"]) >= 0
            np.add.at(total, np.array(tree["split_indices"])[inner], np.array(tree["loss_changes"])[inner])
        return total
    for block in _lightgbm_trees(text):
        feature = [int(word) for word in block.get("split_feature", "").split()]
        np.add.at(total, feature, [float(word) for word in block.get("split_gain", "").split()])
    return total


class _Builder:
    """Puts trees one behind the other."""

    def __init__(self) -> None:
        self._trees: list[tuple[Any, ...]] = []
        self._nodes = self._leaves = 0

    def add(self, feature: Any, threshold: Any, left: Any, right: Any, leaf: Any) -> None:
        """Add a tree whose root is node 0, or leaf 0 where it has no node; children count within the tree."""

        def place(child: Int64) -> Int64:
            return np.where(child < 0, child - self._leaves, child + self._nodes)

        root = self._nodes if len(feature) else ~self._leaves
        children = (place(np.array(side, np.int64)) for side in (left, right))
        self._trees.append(([root], feature, threshold, *children, leaf))
        self._nodes, self._leaves = self._nodes + len(feature), self._leaves + len(leaf)

    def finish(self, leaf: type[np.floating], base: float = 0.0) -> Forest:
        """Join them. Raises ValueError where there are none."""
        if not self._trees:
            raise ValueError("no tree in the text; expected what LightGBM's or XGBoost's save_model writes")
        root, feature, threshold, left, right, leaves = (
            np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*self._trees, strict=True)
        )
        return Forest(
            root, feature.astype(np.int32), threshold.astype(np.float64), left, right, leaves.astype(leaf), base
        )


def _parse_lightgbm(text: str) -> Forest:
    forest = _Builder()
    for tree in _lightgbm_trees(text):
        kinds = [int(word) for word in tree.get("decision_type", "").split()]
        if int(tree["num_cat"]) or any(kind & ~_DEFAULT_LEFT for kind in kinds) or tree.get("is_linear", "0") != "0":
            raise ValueError("trees with categorical splits, missing values or linear leaves; expected numeric ones")
        fields = [tree.get(n, "").split() for n in ("split_feature", "threshold", "left_child", "right_child")]
        feature, threshold, left, right = ([float(word) for word in field] for field in fields)
        forest.add(feature, threshold, left, right, [float(word) for word in tree["leaf_value"].split()])
    return forest.finish(np.float64)


def _lightgbm_trees(text: str) -> Iterator[dict[str, str]]:
    for block in text.split("end of trees")[0].split("\nTree=")[1:]:
        yield dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)


def _parse_xgboost(model: dict[str, Any]) -> Forest:
    """XGBoost compares x < threshold in float32, and adds in float32 to a base that its objective's link maps."""
    learner, forest = model["learner"], _Builder()
    objective = learner["objective"]["name"]
    if objective not in ("reg:squarederror", "reg:gamma"):
        raise ValueError(f"XGBoost's objective {objective!r}; expected reg:squarederror or reg:gamma")
    for tree in _xgboost_trees(model):
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        condition: Float32 = np.array(tree["split_conditions"], np.float32)
        inner: Bool = left >= 0
        if any(tree["split_type"]) or len(tree["categories"]):
            raise ValueError("trees with categorical splits; expected numeric ones")
        place = np.where(inner, np.cumsum(inner) - 1, 0 - np.cumsum(~inner))  # nodes and leaves apart, leaves as ~leaf
        forest.add(
            np.array(tree["split_indices"])[inner], np.nextafter(condition[inner], np.float32(-np.inf)),
            place[left[inner]], place[right[inner]], condition[~inner],
        )  # fmt: skip
    score = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
    return forest.finish(np.float32, math.log(score) if objective == "reg:gamma" else float(score))


def _xgboost_trees(model: dict[str, Any]) -> list[dict[str, Any]]:
    booster = model["learner"]["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ValueError(f"XGBoost's booster {booster['name']!r}; expected gbtree")
    trees: list[dict[str, Any]] = booster["model"]["trees"]
    return trees


def _json(text: str) -> dict[str, Any]:
    try:
        model: dict[str, Any] = msgspec.json.decode(text, type=dict)
        _ = model["learner"]["learner_model_param"]["base_score"], model["learner"]["gradient_booster"]["name"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ValueError(f"no XGBoost model in JSON: {error!r}; expected what its save_model writes") from error
    return model
