"""`undertone token`: who may use the service."""

from __future__ import annotations

import datetime as dt

from api.access.tokens import SCOPES, TokenRefused, Tokens
from ops.errors import CommandFailed
from ops.settings import Settings
from ops.tables import print_json, print_table


def create(settings: Settings, *, json: bool, name: str, scope: str, days: int | None) -> int:
    """Make a token and print it: it can't be shown again."""
    expires = None if days is None else dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    try:
        token = Tokens(settings.api.tokens).create(name, scope, expires)
    except TokenRefused as error:
        raise CommandFailed(f"token: {error}") from None
    if json:
        print_json({"token": token, "name": name, "scope": scope})
    else:
        print(token)
    return 0


def list_tokens(settings: Settings, *, json: bool) -> int:
    """Print who has one; never the tokens, which nobody has kept."""
    rows = [
        {"id": t.id, "name": t.name, "scope": t.scope, "created": t.created, "expires": t.expires}
        for t in _read(settings).all()
    ]
    if json:
        print_json({"file": settings.api.tokens, "tokens": rows})
    elif rows:
        print_table(tuple(rows[0]), [[str(value or "") for value in row.values()] for row in rows])
    else:
        print(f"no tokens in {settings.api.tokens}; make one with: undertone token create NAME --scope {SCOPES[0]}")
    return 0


def revoke(settings: Settings, *, json: bool, identity: str) -> int:
    """Take one away; a running service refuses it from its next request on."""
    try:
        gone = _read(settings).revoke(identity)
    except TokenRefused as error:
        raise CommandFailed(f"token: {error}") from None
    if json:
        print_json({"revoked": gone.id, "name": gone.name})
    else:
        print(f"revoked {gone.id} ({gone.name})")
    return 0


def _read(settings: Settings) -> Tokens:
    tokens = Tokens(settings.api.tokens)
    try:
        tokens.all()
    except TokenRefused as error:
        raise CommandFailed(f"token: {error}") from None
    return tokens
