"""Shapley values by their definition, over all subsets: the oracle. Trees are read here from the libraries' texts."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def shapley(value: Callable[[frozenset[int]], float], n: int) -> np.ndarray:
    """Sum over subsets S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))."""
    out = np.zeros(n)
    for i in range(n):
        others = [k for k in range(n) if k != i]
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for subset in itertools.combinations(others, size):
                s = frozenset(subset)
                out[i] += weight * (value(s | {i}) - value(s))
    return out


@dataclass
class Node:
    """A node, or a leaf where `feature` is below 0; `cover` is the weight of the training rows that came by."""

    feature: int
    left: Any = None
    right: Any = None
    goes_left: Callable[[float], bool] = bool
    cover: float = 0.0
    leaf: float = 0.0


def expectation(node: Node, x: np.ndarray, known: frozenset[int]) -> float:
    """What a tree says where only some features are known: others go both ways, by cover."""
    if node.feature < 0:
        return node.leaf
    if node.feature in known:
        return expectation(node.left if node.goes_left(x[node.feature]) else node.right, x, known)
    both = (node.left, node.right)
    return sum(child.cover * expectation(child, x, known) for child in both) / sum(child.cover for child in both)


def lightgbm_trees(booster: Any) -> list[Node]:
    def read(part: dict[str, Any]) -> Node:
        if "leaf_value" in part:
            return Node(-1, cover=part["leaf_count"], leaf=part["leaf_value"])
        return Node(
            part["split_feature"], read(part["left_child"]), read(part["right_child"]),
            lambda value, bound=part["threshold"]: value <= bound, part["internal_count"],
        )  # fmt: skip

    return [read(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]]


def xgboost_trees(text: str) -> list[Node]:
    def read(tree: dict[str, Any], k: int) -> Node:
        cover = tree["sum_hessian"][k]
        if tree["left_children"][k] < 0:
            return Node(-1, cover=cover, leaf=tree["split_conditions"][k])
        children = (read(tree, tree[side][k]) for side in ("left_children", "right_children"))
        bound = np.float32(tree["split_conditions"][k])
        return Node(tree["split_indices"][k], *children, lambda value: np.float32(value) < bound, cover)

    return [read(tree, 0) for tree in json.loads(text)["learner"]["gradient_booster"]["model"]["trees"]]
