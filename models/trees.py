"""Gradient-boosted trees as flat arrays, read from LightGBM's text format and walked by one kernel.

The same numbers as `Booster.predict(raw_score=True)`, bit for bit, since leaves are added in the trees' order; without
LightGBM's import and per-call cost. Only numeric splits without missing values (`use_missing=false`) are understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numba import njit

from models.labels import Float32
from schema.ticks import Float64, Int32, Int64

_DEFAULT_LEFT = 2  # LightGBM's decision type: bit 0 categorical, bit 1 default left, bits 2-3 missing type


class Forest(NamedTuple):
    """Nodes of all trees. A child below zero is leaf `~child`; a tree of one leaf has that as its root."""

    root: Int64  # (trees,)
    feature: Int32  # (nodes,)
    threshold: Float64  # x <= threshold goes left
    left: Int64
    right: Int64
    leaf: Float64  # (leaves,)


def parse_forest(text: str) -> Forest:
    """Read a model that `Booster.save_model` wrote. Raises ValueError on what it doesn't understand."""
    root: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    leaf: list[float] = []
    for tree in _trees(text):
        kinds = [int(word) for word in tree.get("decision_type", "").split()]
        if int(tree["num_cat"]) or any(kind & ~_DEFAULT_LEFT for kind in kinds) or tree.get("is_linear", "0") != "0":
            raise ValueError("trees with categorical splits, missing values or linear leaves; expected numeric ones")
        nodes, leaves = len(feature), len(leaf)

        def place(child: str, nodes: int = nodes, leaves: int = leaves) -> int:
            return ~(~int(child) + leaves) if int(child) < 0 else int(child) + nodes

        root.append(nodes if kinds else ~leaves)
        feature += [int(word) for word in tree.get("split_feature", "").split()]
        threshold += [float(word) for word in tree.get("threshold", "").split()]
        left += [place(word) for word in tree.get("left_child", "").split()]
        right += [place(word) for word in tree.get("right_child", "").split()]
        leaf += [float(word) for word in tree["leaf_value"].split()]
    if not root:
        raise ValueError("no tree in the text; expected what LightGBM's save_model writes")
    return Forest(
        np.array(root, np.int64), np.array(feature, np.int32), np.array(threshold), np.array(left, np.int64),
        np.array(right, np.int64), np.array(leaf),
    )  # fmt: skip


def split_gains(text: str, n_inputs: int) -> Float64:
    """Return the sum (n_inputs,) of the gains of the splits on each input, over all trees of a LightGBM text."""
    total = np.zeros(n_inputs)
    for tree in _trees(text):
        feature = [int(word) for word in tree.get("split_feature", "").split()]
        np.add.at(total, feature, [float(word) for word in tree.get("split_gain", "").split()])
    return total


def _trees(text: str) -> Iterator[dict[str, str]]:
    for block in text.split("end of trees")[0].split("\nTree=")[1:]:
        yield dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)


def walk(forest: Forest, x: Float32) -> Float64:
    """Return the sum of leaves (n,) that inputs (n, F) fall into."""
    out = np.empty(len(x))
    _walk(*forest, x, out)
    return out


@njit(cache=True)
def _walk(root, feature, threshold, left, right, leaf, x, out):  # type: ignore[no-untyped-def]
    for k in range(len(x)):
        total = 0.0
        for node in root:
            while node >= 0:
                node = left[node] if x[k, feature[node]] <= threshold[node] else right[node]
            total += leaf[~node]
        out[k] = total
