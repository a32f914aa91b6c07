"""Who may ask what, how often and how much: tokens with scopes, rate limits, the size of a request."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI

from api.access.client import PROBES, Authenticate
from api.access.limits import Limit, Limits
from api.access.size import LimitSize
from api.access.tokens import TokenRefused, Tokens

__all__ = ["Access", "Limits", "TokenRefused", "Tokens"]


@dataclass(frozen=True, slots=True)
class Access:
    """What a service that can be reached from elsewhere asks of its clients."""

    tokens: Tokens
    limits: Limits
    most_bytes: int = 1 << 20  # of a request's body

    def guard(self, app: FastAPI, files: frozenset[str]) -> None:
        """Add the middleware. `files` are the page's: anyone may load them, they hold no data."""
        public = PROBES | files
        app.add_middleware(LimitSize, most=self.most_bytes)
        app.add_middleware(Limit, limits=self.limits, public=public)  # behind the token: it is the client's name
        app.add_middleware(Authenticate, tokens=self.tokens, public=public)
