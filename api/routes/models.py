"""The registry: which versions there are, how they do live, and what running dataflows shall do with them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from api.access.client import needs
from api.answers.models import Changed, Evaluation, RegistryAnswer
from api.parameters import End, ReaderParameter, Start, Timeframe, missing, part
from api.problems import FiniteJSON, declared
from api.reader import Reader
from api.store import StoreAway
from models.metadata import Metadata
from models.registry.register import Versions
from models.registry.standing import RegistryError
from schema.times import iso

router = APIRouter(prefix="/api/ai", tags=["models"])


VersionsParameter = Annotated[Versions, part("versions", "a registry; set registry.root and start it again")]


@router.get("/models", response_model=RegistryAnswer, responses=declared(503))
def models(versions: VersionsParameter, reader: ReaderParameter) -> FiniteJSON:
    """Return every version, oldest first, with its part and its newest live score."""
    try:
        standing = versions.standing()
    except RegistryError as error:
        raise HTTPException(503, str(error)) from None
    parts = {c.version: "challenger" for found in standing.challengers.values() for c in found}
    parts |= {active.version: "champion" for active in standing.active.values()}
    scores = _scores(reader)
    return FiniteJSON({"models": [_shown(m, parts.get(m.version), scores.get(m.version)) for m in versions.list()]})


def _scores(reader: Reader) -> dict[str, Any]:
    """Return each version's newest score; none where there is no store to read yet."""
    try:
        return {row["model_version"]: row for row in reader.newest_scores()}
    except StoreAway:
        return {}


def _shown(metadata: Metadata, role: str | None, score: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "version": metadata.version, "timeframe": metadata.timeframe, "prediction_horizon": metadata.primary,
        "created": metadata.created, "role": role, "active": role == "champion", "members": list(metadata.members),
        "columns": len(metadata.columns), "fingerprint": metadata.fingerprint, "score": score and score_answer(score),
    }  # fmt: skip


def score_answer(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of `scores` as clients read it."""
    same = ("role", "predictions", "labelled", "directional", "accuracy", "accuracy_low", "accuracy_high", "brier",
            "log_loss", "information_coefficient", "e_value", "e_needed")  # fmt: skip
    return {"timestamp": iso(row["time"]), "since": iso(row["since"]), **{name: row[name] for name in same}}


@router.post("/models/{version}/activate", response_model=Changed, responses=declared(404, 409, 503),
             dependencies=[needs("admin")])  # fmt: skip
def activate(version: str, versions: VersionsParameter) -> dict[str, Any]:
    """Make a version its timeframe's champion; running dataflows take it over at a bar time none has passed."""
    return _changed(versions, version, "champion")


@router.post("/models/{version}/challenge", response_model=Changed, responses=declared(404, 409, 503),
             dependencies=[needs("admin")])  # fmt: skip
def challenge(version: str, versions: VersionsParameter) -> dict[str, Any]:
    """Let running dataflows score a version beside the champion. 409 where it is the champion."""
    return _changed(versions, version, "challenger")


def _changed(versions: Versions, version: str, role: str) -> dict[str, Any]:
    try:
        timeframe = versions.show(version).timeframe
    except RegistryError as error:
        raise HTTPException(404, str(error)) from None
    try:
        number = versions.activate(version) if role == "champion" else versions.challenge(version)
    except RegistryError as error:
        raise HTTPException(409, str(error)) from None
    return {"version": version, "timeframe": timeframe, "role": role, "number": number}


@router.get("/evaluate/{symbol:path}", response_model=Evaluation, responses=declared(400, 404, 503))
def evaluate(symbol: str, reader: ReaderParameter, timeframe: Timeframe, start: Start, end: End) -> FiniteJSON:
    """Return how each version's predictions of a symbol with start <= timestamp < end compare with what happened."""
    rows = reader.outcome_scores(symbol, timeframe, start, end)
    if not rows:
        raise missing("outcomes", symbol, timeframe)
    return FiniteJSON({"symbol": symbol, "evaluations": [_evaluated(row) for row in rows]})


def _evaluated(row: dict[str, Any]) -> dict[str, Any]:
    signed, right = row["directional"] or 0, row["right_signs"] or 0
    return {
        "timeframe": row["timeframe"], "model_version": row["model_version"], "prediction_horizon": row["horizon"],
        "first": iso(row["first_time"]), "last": iso(row["last_time"]), "predictions": row["predictions"],
        "labelled": row["labelled"] or 0, "directional": signed, "accuracy": right / signed if signed else None,
        "brier": row["brier"], "log_loss": row["log_loss"],
        "mean_return": row["mean_return"],
    }  # fmt: skip
