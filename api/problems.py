"""Errors as RFC 9457 problem JSON, and JSON that holds only finite numbers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from api.store import StoreAway
from models.jobs.records import RecordsAway

RETRY_AFTER: Final = "2"  # s


class Problem(BaseModel):
    """What went wrong: where, what was found, what was expected, what to do."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str = Field(description="As in the header X-Request-ID, and in the service's log.")


class FiniteJSON(JSONResponse):
    """JSON in which NaN and infinity are null."""

    def render(self, content: Any) -> bytes:
        """Encode."""
        return msgspec.json.encode(content)


def problem(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> FiniteJSON:
    """Answer with a problem."""
    body = Problem(
        type="about:blank", title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.url.path,
        request_id=request.scope.get("request_id", ""),
    )  # fmt: skip
    return FiniteJSON(body.model_dump(), status, headers, "application/problem+json")


async def _invalid(request: Request, error: Exception) -> FiniteJSON:
    assert isinstance(error, RequestValidationError)
    places = [
        f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}, found {found.get('input')!r}"
        for found in error.errors()
    ]
    return problem(request, 400, "; ".join(places))


async def _http(request: Request, error: Exception) -> FiniteJSON:
    assert isinstance(error, HTTPException)
    said = error.detail != HTTPStatus(error.status_code).phrase
    detail = error.detail if said else _usual(request, error.status_code)
    return problem(request, error.status_code, detail, dict(error.headers or {}))


def _usual(request: Request, status: int) -> str:
    return {
        404: f"there is nothing at {request.url.path}; /openapi.json lists what there is",
        405: f"{request.method} is not understood at {request.url.path}; /openapi.json lists what is",
    }.get(status, HTTPStatus(status).phrase)


async def _away(request: Request, error: Exception) -> FiniteJSON:
    return problem(request, 503, str(error), {"Retry-After": RETRY_AFTER})


async def _unexpected(request: Request, error: Exception) -> FiniteJSON:
    detail = "the service failed to answer; its log says why"
    return problem(request, 500, detail, {"X-Request-ID": request.scope["request_id"]})  # made outside `Observe`


def answer_with_problems(app: FastAPI) -> None:
    """Turn every error into a problem, and say so in the OpenAPI document."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreAway, _away)
    app.add_exception_handler(RecordsAway, _away)
    app.add_exception_handler(Exception, _unexpected)
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        for path in document["paths"].values():
            for call in path.values():
                call["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses` for these problems."""
    form = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    return {status: {"description": HTTPStatus(status).phrase, "content": form} for status in statuses}
