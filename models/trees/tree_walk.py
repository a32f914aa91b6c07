"""Kernels that walk trees: row by row along the nodes, or many rows at once by elimination.

Elimination (QuickScorer: Lucchese et al. 2015, doi 10.1145/2766462.2767733; for vectors of rows: Lucchese et al. 2016)
numbers a tree's leaves from left to right. A row begins with all of them as bits; each node whose test fails clears the
leaves on its left, whatever the order of the nodes; the lowest bit that is left is the leaf that a walk would reach.
There is no branch and no gather but for the leaf, so a compiler makes vectors of it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.labels import Float32
from schema.ticks import Float64, Int32, Int64

MOST_LEAVES: Final = 32  # of a tree: bits of a mask
_BLOCK: Final = 64  # rows at once
_ALL: Final = np.uint32(0xFFFFFFFF)
_DE_BRUIJN: Final = np.uint32(0x077CB531)  # times a power of two it has another word in its five top bits for each
_BIT: Final = np.argsort([((1 << k) * int(_DE_BRUIJN) & 0xFFFFFFFF) >> 27 for k in range(32)]).astype(np.int32)


class Ranks(NamedTuple):
    """Trees whose leaves are numbered from left to right."""

    first: Int64  # (trees + 1,) its first node
    first_leaf: Int64  # (trees,)
    feature: Int32  # (nodes,)
    threshold: Float32  # (nodes,) x > threshold keeps the leaves of the mask
    mask: NDArray[np.uint32]  # (nodes,)
    leaf: NDArray[np.floating]  # (leaves,)


def rank_leaves(
    root: Int64, feature: Int32, threshold: Float64, left: Int64, right: Int64, leaf: NDArray[np.floating]
) -> Ranks | None:
    """Number the leaves of a forest's trees; None where one of them has more than fit into a mask.

    Inputs are float32, so a threshold counts as the greatest float32 that is not above it.
    """
    order: list[int] = []  # nodes
    masks: list[int] = []
    leaves: list[int] = []
    first = [0]
    first_leaf: list[int] = []

    def visit(node: int) -> int:
        """Number what is below a node. Returns its leaves' bits."""
        if node < 0:
            leaves.append(~node)
            return 1 << (len(leaves) - 1 - first_leaf[-1])
        place = len(order)
        order.append(node)
        masks.append(0)
        below: int = visit(int(left[node]))
        masks[place] = int(_ALL) & ~below
        beside: int = visit(int(right[node]))
        return below | beside

    for node in root:
        first_leaf.append(len(leaves))
        visit(int(node))
        first.append(len(order))
        if len(leaves) - first_leaf[-1] > MOST_LEAVES:
            return None
    nearest = threshold[order].astype(np.float32)
    above = nearest.astype(np.float64) > threshold[order]
    nearest[above] = np.nextafter(nearest[above], np.float32(-np.inf))
    return Ranks(
        np.array(first), np.array(first_leaf), feature[order], nearest, np.array(masks, np.uint32), leaf[leaves]
    )


@njit(cache=True)
def walk_trees(root, feature, threshold, left, right, leaf, base, x, out):  # type: ignore[no-untyped-def]
    """Add up the leaves of each row of x (n, F) into out (n,), in the precision of `base`."""
    for k in range(len(x)):
        total = base
        for node in root:
            while node >= 0:
                node = left[node] if x[k, feature[node]] <= threshold[node] else right[node]
            total += leaf[~node]
        out[k] = total


@njit(cache=True)
def walk_ranks(first, first_leaf, feature, threshold, mask, leaf, base, x, out):  # type: ignore[no-untyped-def]
    """Do the same in blocks of rows."""
    columns = np.zeros((x.shape[1], _BLOCK), np.float32)
    left = np.empty(_BLOCK, np.uint32)
    total = np.empty(_BLOCK, leaf.dtype)
    for begin in range(0, len(x), _BLOCK):
        rows = min(_BLOCK, len(x) - begin)
        for j in range(rows):
            for c in range(x.shape[1]):
                columns[c, j] = x[begin + j, c]
        total[:] = base
        for t in range(len(first_leaf)):
            left[:] = _ALL
            for k in range(first[t], first[t + 1]):
                column, bound, kept = columns[feature[k]], threshold[k], mask[k]
                for j in range(_BLOCK):
                    left[j] &= kept if column[j] > bound else _ALL
            for j in range(_BLOCK):
                lowest = left[j] & (~left[j] + np.uint32(1))
                total[j] += leaf[first_leaf[t] + _BIT[np.uint32(lowest * _DE_BRUIJN) >> np.uint32(27)]]
        out[begin : begin + rows] = total[:rows]
