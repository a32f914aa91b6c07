"""What the routes of training take."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from api.requests import Symbol
from models.config import NETS, TREES
from models.jobs.jobs import MOST_RUNS, Request
from models.jobs.record import Task
from ops.settings.sections import Train
from schema.timeframes import parse_timeframe
from schema.times import iso, parse_iso

_OWN: Final = {"horizon": "horizon", "start": "start", "end": "end", "source": "version"}  # fields beside `config`
Model = Annotated[str, Field(min_length=1, max_length=200)]
Timeframe = Annotated[str, Field(max_length=32)]


class _Training(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    symbols: list[Symbol] = Field([], max_length=5000, description="One model for all of them; empty: all there are.")
    start: str | None = Field(None, description="ISO-8601; rows of bars that close then or later.")
    end: str | None = Field(None, description="ISO-8601; rows of bars that close before then.")
    config: dict[str, Any] = Field({}, description="Settings `train.*` by their key (docs/settings.md).")
    priority: int = Field(0, ge=-1000, le=1000, description="Higher first.")
    max_concurrent: int | None = Field(None, ge=1, le=1000, description="Most runs of this request at once.")

    @field_validator("start", "end")
    @classmethod
    def _time(cls, text: str | None) -> str | None:
        return None if text is None else iso(parse_iso(text))

    @field_validator("timeframes", check_fields=False)  # each request has its own, with a default of its own
    @classmethod
    def _timeframes(cls, names: list[str]) -> list[str]:
        return list(dict.fromkeys(parse_timeframe(name).name for name in names))

    @field_validator("config")
    @classmethod
    def _settings(cls, config: dict[str, Any]) -> dict[str, Any]:
        for key, field in _OWN.items():
            if key in config:
                raise ValueError(f"{key} has a field of its own, {field}")
        try:
            Train.model_validate(config)
        except ValidationError as error:
            raise ValueError("; ".join(_said(found) for found in error.errors())) from None
        return config

    @model_validator(mode="after")
    def _in_order(self) -> _Training:
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"start {self.start} isn't before end {self.end}")
        return self

    def given(self, symbols: list[str]) -> dict[str, Any]:
        """Return what a run of these symbols takes from here."""
        settings = {f"train.{key}": value for key, value in self.config.items()}
        return {"symbols": tuple(symbols), "start": self.start or "", "end": self.end or "", "settings": settings}


def _said(found: Any) -> str:
    place = ".".join(str(part) for part in found["loc"])
    if found["type"] == "extra_forbidden":
        return f"{place} is no setting of train; docs/settings.md lists them"
    return f"{place}: {found['msg']}, found {found.get('input')!r}"


class TrainRequest(_Training):
    """Train each model on each timeframe: several runs are a batch."""

    timeframes: list[Timeframe] = Field(["1d"], min_length=1, max_length=50)
    models: list[Model] = Field(
        [], max_length=50,
        description="Architectures, several joined by + for an ensemble, or `ensemble`; empty: the worker's preset.",
    )  # fmt: skip
    horizon: int | None = Field(None, ge=1, le=30, description="Bars ahead that are served; the worker's if left out.")
    per_symbol: bool = Field(False, description="A model for each symbol instead of one for all of them.")

    @model_validator(mode="after")
    def _not_too_many(self) -> TrainRequest:
        if self.per_symbol and not self.symbols:
            raise ValueError("per_symbol needs symbols")
        runs = len(self.timeframes) * max(len(self.models), 1) * (len(self.symbols) if self.per_symbol else 1)
        if runs > MOST_RUNS:
            raise ValueError(f"{runs} runs, symbols × timeframes × models; expected at most {MOST_RUNS}")
        return self

    def unknown_models(self) -> list[str]:
        """Return the models that name no built-in architecture."""
        known = {*NETS, *TREES}
        return [m for m in self.models if m != "ensemble" and not set(m.split("+")) <= known]

    def tasks(self) -> tuple[Task, ...]:
        """Return the runs."""
        groups = [[symbol] for symbol in dict.fromkeys(self.symbols)] if self.per_symbol else [self.symbols]
        return tuple(
            Task(timeframe=timeframe, model=model, horizon=self.horizon, **self.given(group))
            for group in groups for timeframe in self.timeframes for model in dict.fromkeys(self.models or [""])
        )  # fmt: skip


class RetrainRequest(_Training):
    """Train versions on: warm-started, on 70 % newer samples and 30 % of those they know."""

    timeframes: list[Timeframe] = Field(
        [], max_length=50, description="Whose active versions; empty: of all timeframes that have one."
    )
    version: str | None = Field(None, min_length=1, max_length=200, description="This one instead, active or not.")


def digest(path: str, body: BaseModel) -> str:
    """Return what tells a request from others."""
    return hashlib.sha256(path.encode() + msgspec.json.encode(body.model_dump(mode="json"), order="sorted")).hexdigest()


def as_request(tasks: tuple[Task, ...], body: _Training, **more: Any) -> Request:
    """Return what is submitted."""
    return Request(tasks=tasks, priority=body.priority, max_concurrent=body.max_concurrent, **more)
