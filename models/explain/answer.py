"""What an explanation says, as it is cached and shown."""

from __future__ import annotations

import msgspec
import numpy as np

from schema.ticks import Float64


class Part(msgspec.Struct, frozen=True):
    """What one feature added."""

    feature: str
    value: float | None  # as in the feature row, null where it was undefined
    contribution: float  # log return
    sign: str  # "+", "-" or "0"


class Check(msgspec.Struct, frozen=True):
    """Whether base value and contributions add up to the output; all in log return."""

    sum: float
    output: float
    difference: float
    tolerance: float
    adds_up: bool


class Attention(msgspec.Struct, frozen=True):
    """What one layer's newest query looked at, averaged over its heads."""

    layer: str
    weights: tuple[float, ...]  # of rows, or of patches of rows, the newest last


class MemberAnswer(msgspec.Struct, frozen=True):
    """One member's part in the vote."""

    kind: str  # "net" or "trees"
    weight: float  # of the vote on this row
    method: str
    probabilities: dict[str, float]  # its own vote: down, sideways, up
    base_value: float
    contributions: tuple[Part, ...]  # largest first
    check: Check
    attention: tuple[Attention, ...] = ()
    fit: float | None = None  # LIME: R2 of its linear model around the row


class Explanation(msgspec.Struct, frozen=True):
    """One prediction's expected return (log return over the horizon), taken apart."""

    prediction_id: str
    symbol: str
    timeframe: str
    timestamp: str
    prediction_horizon: int
    model_version: str
    method: str  # as asked for: "auto", "shapley" or "lime"
    expected_return: float  # as served
    base_value: float  # what the model says of a row of which nothing is known
    contributions: tuple[Part, ...]  # largest first
    check: Check  # against what was served
    members: dict[str, MemberAnswer]
    rows: int  # of the series that were read
    source: str  # where they came from
    notes: tuple[str, ...] = ()


def parts_of(features: tuple[str, ...], values: Float64, contributions: Float64) -> tuple[Part, ...]:
    """Return the parts (n,) of features whose contribution or value is there, the largest first."""
    order = np.argsort(-np.abs(contributions), kind="stable")
    return tuple(
        Part(features[k], float(values[k]) if np.isfinite(values[k]) else None, float(contributions[k]),
             "0+-"[int(np.sign(contributions[k]))])
        for k in order
    )  # fmt: skip


def check_of(base: float, contributions: Float64, output: float, tolerance: float) -> Check:
    """Compare the sum of the parts with the output."""
    total = base + float(contributions.sum())
    return Check(total, output, total - output, tolerance, abs(total - output) <= tolerance)
