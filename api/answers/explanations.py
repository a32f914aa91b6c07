"""The shape of explanations, as the OpenAPI document shows it. Contributions are log returns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.answers import Answer, Time


class Contribution(Answer):
    """What one feature added to the expected return."""

    feature: str
    value: float | None = Field(description="As in the feature row; null where it was undefined.")
    contribution: float
    sign: Literal["+", "-", "0"]


class Others(Answer):
    """The features that aren't shown, together."""

    features: int
    contribution: float


class SumCheck(Answer):
    """Whether base value and all contributions add up to the output."""

    sum: float
    output: float
    difference: float
    tolerance: float
    adds_up: bool


class AttentionLayer(Answer):
    """What the newest query of a layer looked at: rows or patches of rows, the newest last."""

    layer: str
    weights: list[float]


class MemberExplanation(Answer):
    """One member's vote, and what made it."""

    kind: Literal["net", "trees"]
    weight: float = Field(description="Of its vote on this row.")
    method: str
    probabilities: dict[str, float]
    base_value: float
    contributions: list[Contribution]
    others: Others
    check: SumCheck
    attention: list[AttentionLayer]
    fit: float | None = Field(description="LIME: R2 of its line around the row.")


class ExplanationAnswer(Answer):
    """One prediction taken apart."""

    prediction_id: str
    symbol: str
    timeframe: str
    timestamp: Time
    prediction_horizon: int
    model_version: str
    method: str
    expected_return: float = Field(description="Log return, as served.")
    base_value: float = Field(description="What the model says of a row of which nothing is known.")
    contributions: list[Contribution]
    others: Others
    check: SumCheck
    members: dict[str, MemberExplanation]
    rows: int = Field(description="Rows of the series that were read.")
    source: str = Field(description="Where they came from.")
    notes: list[str]


class Pending(Answer):
    """A worker computes it; ask for the same prediction again (`Location`)."""

    status: Literal["pending"]
    prediction_id: str
    symbol: str
