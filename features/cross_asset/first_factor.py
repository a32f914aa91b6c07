"""The first factor of a basket: leading eigenvector of the Gram matrix of its last returns in time.

With returns X (symbols, T) about their means, the eigenvectors of X'X (T, T) are the factors' paths and their
eigenvalues those of the covariance of the symbols, which would be far larger than T x T. Lanczos' method finds the
first from the market's own path; it is exact after as many steps as the basket has independent movers, and a factor
that stands out of many is there to the last digits within STEPS. Its sign is that of the market.

Source: Golub and Van Loan, Matrix Computations, chapter 10.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from schema.ticks import Float64

STEPS: Final = 12
ENDED: Final = 1e-12  # of the first diagonal: a step that finds less finds only roundings
FOUND: Final = 1e-9  # of the eigenvalue: largest residual of an eigenvector


@njit(cache=True)
def dot(a: Float64, b: Float64) -> float:
    """Return the product of two vectors whose length is a multiple of 4."""
    s0 = s1 = s2 = s3 = 0.0
    quarter = len(a) // 4
    for j in range(quarter):
        s0 += a[j] * b[j]
        s1 += a[j + quarter] * b[j + quarter]
        s2 += a[j + 2 * quarter] * b[j + 2 * quarter]
        s3 += a[j + 3 * quarter] * b[j + 3 * quarter]
    return (s0 + s1) + (s2 + s3)


@njit(cache=True)
def centre(values: Float64) -> None:
    """Subtract the mean."""
    total = 0.0
    for value in values:
        total += value
    values -= total / len(values)


@njit(cache=True)
def apply(gram: Float64, q: Float64, y: Float64) -> None:
    """Write gram times q, about its mean."""
    y[:] = 0.0
    for s in range(len(q)):
        weight = q[s]
        for j in range(len(y)):
            y[j] += weight * gram[s, j]
    centre(y)


@njit(cache=True)
def above(diagonal: Float64, beside: Float64, x: float) -> int:
    """Count the eigenvalues of a tridiagonal matrix above x (Sturm)."""
    count, pivot = 0, 1.0
    for j in range(len(diagonal)):
        pivot = diagonal[j] - x - (beside[j - 1] * beside[j - 1] / pivot if j else 0.0)
        if pivot == 0.0:
            pivot = -1e-300
        count += pivot > 0.0
    return count


@njit(cache=True)
def eigenvalue(diagonal: Float64, beside: Float64, place: int) -> float:
    """Return the place-th largest eigenvalue of a positive tridiagonal matrix, 0 the first, by bisection."""
    low, high = 0.0, 0.0
    for j in range(len(diagonal)):
        high += diagonal[j]
    high *= 1.0 + 1e-12
    for _ in range(60):
        middle = 0.5 * (low + high)
        if above(diagonal, beside, middle) > place:
            low = middle
        else:
            high = middle
    return high


@njit(cache=True)
def tridiagonal_vector(diagonal: Float64, beside: Float64, value: float, u: Float64) -> None:
    """Write the unit eigenvector of the largest eigenvalue by inverse iteration; its entries have one sign."""
    m = len(diagonal)
    pivots = np.empty(m)
    for j in range(m):
        pivots[j] = diagonal[j] - value - (beside[j - 1] * beside[j - 1] / pivots[j - 1] if j else 0.0)
        pivots[j] = min(pivots[j], -1e-17 * value)
    u[:m] = 1.0
    for _ in range(3):
        for j in range(1, m):
            u[j] -= beside[j - 1] / pivots[j - 1] * u[j - 1]
        for j in range(m - 1, -1, -1):
            u[j] = (u[j] - (beside[j] * u[j + 1] if j < m - 1 else 0.0)) / pivots[j]
        u[:m] /= math.sqrt((u[:m] * u[:m]).sum())
    if u[0] < 0.0:
        u[:m] = -u[:m]


@njit(cache=True)
def first_factor(gram: Float64, path: Float64, factor: Float64) -> tuple[float, float]:
    """Write the first factor's path (T,), of length 1; return its eigenvalue and the second.

    `path` (T,) is the market's about its mean, not 0. The first eigenvalue is NaN where STEPS don't find it.
    """
    n = len(path)
    basis, diagonal, beside = np.empty((STEPS, n)), np.empty(STEPS), np.empty(STEPS)
    y, u, m = path / math.sqrt(dot(path, path)), np.empty(STEPS), 0
    while True:
        basis[m] = y
        apply(gram, basis[m], y)
        diagonal[m] = dot(basis[m], y)
        for _ in range(2):
            for j in range(m + 1):
                y -= dot(basis[j], y) * basis[j]
        beside[m] = math.sqrt(dot(y, y))
        m += 1
        if m == STEPS or beside[m - 1] <= ENDED * diagonal[0]:
            break
        y /= beside[m - 1]
    value = eigenvalue(diagonal[:m], beside, 0)
    tridiagonal_vector(diagonal[:m], beside, value, u)
    factor[:] = 0.0
    for j in range(m):
        factor += u[j] * basis[j]
    found = beside[m - 1] * abs(u[m - 1]) <= FOUND * value
    return value if found else np.nan, eigenvalue(diagonal[:m], beside, 1) if m > 1 else 0.0
