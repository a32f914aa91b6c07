"""Tokens in a file of the service's machine. The file holds hashes, never a token.

A token is `ut_ID_SECRET`. The secret has 256 random bits, so its SHA-256 can't be guessed back, and one hash a request
costs a microsecond. The file is replaced as a whole, readable by its owner alone; a running service notices.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

from ops.durable import put_in_place

SCOPES: Final = ("read", "train", "admin")  # a later one may do what the earlier ones may
PREFIX: Final = "ut"


class TokenRefused(ValueError):
    """A token can't be made or revoked as asked; the text says why."""


class Token(msgspec.Struct, frozen=True):
    """One token, without its secret."""

    id: str
    name: str
    scope: str
    sha256: str  # of the secret, in hex
    created: str  # ISO-8601 UTC
    expires: str | None = None

    def allows(self, scope: str) -> bool:
        """Return whether it may do what `scope` names."""
        return SCOPES.index(scope) <= SCOPES.index(self.scope)

    def expired(self, now: dt.datetime) -> bool:
        """Return whether its time has passed."""
        return self.expires is not None and dt.datetime.fromisoformat(self.expires) <= now


class Tokens:
    """The tokens of one file. A file that isn't there holds none."""

    def __init__(self, path: Path | str) -> None:
        """Read from `path` when asked."""
        self._path = Path(path)
        self._read_at: tuple[int, int, int] | None = None
        self._by_id: dict[str, Token] = {}

    def all(self) -> list[Token]:
        """Return all, oldest first. Raises TokenRefused where the file can't be understood."""
        self._refresh()
        return list(self._by_id.values())

    def create(self, name: str, scope: str, expires: dt.datetime | None = None) -> str:
        """Add a token and return it: it is shown this once. Raises TokenRefused for another scope."""
        if scope not in SCOPES:
            raise TokenRefused(f"scope {scope!r} is unknown; expected one of {list(SCOPES)}")
        identity, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        created = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        until = expires.astimezone(dt.UTC).isoformat(timespec="seconds") if expires else None
        self._write([*self.all(), Token(identity, name, scope, _hash(secret), created, until)])
        return f"{PREFIX}_{identity}_{secret}"

    def revoke(self, identity: str) -> Token:
        """Take a token away. Raises TokenRefused where there is none of this id."""
        kept = self.all()
        gone = self._by_id.get(identity)
        if gone is None:
            raise TokenRefused(
                f"token {identity!r} is not in {self._path}; `undertone token list` shows those that are"
            )
        self._write([token for token in kept if token.id != identity])
        return gone

    def find(self, text: str) -> Token | None:
        """Return the token that a client shows, None where it is none of ours or its time has passed."""
        self._refresh()
        prefix, _, rest = text.partition("_")
        identity, _, secret = rest.partition("_")
        token = self._by_id.get(identity)
        known = token.sha256 if token is not None else _hash("")
        same = hmac.compare_digest(_hash(secret), known)  # always one comparison, whether or not the id is known
        if token is None or not same or prefix != PREFIX or token.expired(dt.datetime.now(dt.UTC)):
            return None
        return token

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._read_at, self._by_id = None, {}
            return
        if (stamp := (found.st_mtime_ns, found.st_ino, found.st_size)) == self._read_at:
            return
        try:
            tokens = msgspec.json.decode(self._path.read_bytes(), type=list[Token])
        except msgspec.MsgspecError as error:
            raise TokenRefused(f"{self._path} is no file of tokens: {error}; restore or remove it") from None
        self._read_at, self._by_id = stamp, {token.id: token for token in tokens}

    def _write(self, tokens: list[Token]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(tokens)))
        put_in_place(draft, self._path)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
