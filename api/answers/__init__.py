"""The shapes of the answers, as the OpenAPI document shows them. Undefined numbers are null.

Long answers don't pass through these models: validating 1,000 predictions took longer than reading them. A test
holds every route's answer against its model instead.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Time = str  # ISO-8601, UTC, Z, nanoseconds


class Answer(BaseModel):
    """An answer; its numbers are finite."""

    model_config = ConfigDict(protected_namespaces=(), extra="forbid")
