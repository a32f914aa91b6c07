"""Versions, and how they do live."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.answers import Answer, Time


class LiveScore(Answer):
    """How a version has done so far, from the predictions whose horizon has passed."""

    timestamp: Time
    since: Time
    role: Literal["champion", "challenger"]
    predictions: int
    labelled: int = Field(description="Of these with a label: none where a session ended, a bar was missing ...")
    directional: int = Field(description="Of these with a return and a forecast other than 0.")
    accuracy: float | None = Field(description="Share of right signs among `directional`.")
    accuracy_low: float | None = Field(description="95 % interval by blocks of ten horizons; null under 20 of them.")
    accuracy_high: float | None
    brier: float | None
    log_loss: float | None
    information_coefficient: float | None
    e_value: float | None = Field(description="Challengers: evidence that they are better (docs/champion.md).")
    e_needed: float | None


class ModelVersion(Answer):
    """One version of the registry."""

    version: str
    timeframe: str
    prediction_horizon: int
    created: str
    role: Literal["champion", "challenger"] | None
    active: bool
    members: list[str]
    columns: int
    fingerprint: str
    score: LiveScore | None


class RegistryAnswer(Answer):
    """All versions, oldest first."""

    models: list[ModelVersion]


class Changed(Answer):
    """What is wanted of running dataflows now; it takes effect at a bar time that none has passed."""

    version: str
    timeframe: str
    role: Literal["champion", "challenger"]
    number: int


class VersionEvaluation(Answer):
    """What became of one version's predictions."""

    timeframe: str
    model_version: str
    prediction_horizon: int
    first: Time
    last: Time
    predictions: int
    labelled: int
    directional: int
    accuracy: float | None
    brier: float | None
    log_loss: float | None
    mean_return: float | None = Field(description="Mean realised log return.")


class Evaluation(Answer):
    """Live-scored accuracy of a symbol's past predictions."""

    symbol: str
    evaluations: list[VersionEvaluation]
