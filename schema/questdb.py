"""QuestDB as a place of the tables: its address, and what our SQL has to become there."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from schema.stores import stored_name
from schema.tables import TABLES

TIMESTAMP_OID: Final = 1114  # the type that pgwire gives a timestamp, with microseconds only
BYTES: Final = frozenset(name for table in TABLES.values() for name, kind in table.columns.items() if kind == "bytes")
META: Final = "meta"  # table of the namespaces' own values
NOT_STARTED: Final = "start the server (make up) or name another store"

_PIECES = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<mark>\?)|(?P<percent>%)|(?P<from>\b(?:FROM|JOIN)\s+)"?(?P<table>[a-z_]+)\b"?""",
    re.IGNORECASE,
)


class Address(NamedTuple):
    """Where a server answers: writes and probes over HTTP, reads over pgwire."""

    host: str
    http: int
    pg: int
    user: str
    password: str

    def __str__(self) -> str:
        """Name the server as its URL does, without the password."""
        return f"questdb://{self.host}:{self.http}"


def questdb_address(url: str) -> Address:
    """Read `questdb://[user:password@]host[:9000][?pg=8812]`.

    Raises ValueError, saying what is understood.
    """
    parts = urlsplit(url)
    try:
        pg = int(parse_qs(parts.query, strict_parsing=True)["pg"][0]) if parts.query else 8812
        http = parts.port or 9000
    except (ValueError, KeyError):
        pg = http = 0
    if parts.scheme != "questdb" or not parts.hostname or not (0 < pg < 65_536 and http):
        raise ValueError(
            f"store URL {url!r} is not understood; expected questdb://host:9000, or "
            "questdb://user:password@host:9000?pg=8812 where they aren't the usual ones"
        )
    user, password = unquote(parts.username or "admin"), unquote(parts.password or "quest")
    return Address(parts.hostname, http, pg, user, password)


def translated(sql: str, namespace: str) -> str:
    """Turn SQL of the embedded store into QuestDB's, as psycopg takes it.

    `?` marks a parameter, tables go by their names in `schema.tables`; behind FROM and JOIN they get the
    namespace's. Texts in quotes stay as they are.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["mark"]:
            return "%s"
        if match["percent"]:
            return "%%"
        if match["table"] in TABLES:
            return f'{match["from"]}"{stored_name(match["table"], namespace)}"'
        return match[0].replace("%", "%%")

    return _PIECES.sub(replaced, sql)


def prepared(connection: Any, sql: str, namespace: str) -> str:
    """Return SQL of the embedded store as QuestDB takes it over this psycopg connection, times as ns UTC.

    A pgwire timestamp has microseconds only; as a long it is the nanoseconds that are stored. Which columns are
    timestamps the server says before it runs the query.
    """
    text = translated(sql, namespace)
    first, *rest = text.split("%s")
    numbered = first + "".join(f"${k}{piece}" for k, piece in enumerate(rest, 1))
    connection.pgconn.prepare(b"", numbered.replace("%%", "%").encode())
    found = connection.pgconn.describe_prepared(b"")
    return with_nanoseconds(text, [(found.fname(k).decode(), found.ftype(k)) for k in range(found.nfields)])


def decoded(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """Return a row of a result as our stores give it: bytes, which lie there in base64, are bytes."""
    found = dict(zip(names, row))
    for name in BYTES & found.keys():
        if found[name] is not None:
            found[name] = base64.b64decode(found[name])
    return found


def with_nanoseconds(sql: str, columns: Sequence[tuple[str, int]]) -> str:
    """Wrap a query whose columns (name, type) hold timestamps, so that they come as ns UTC with all nine digits."""
    if not any(kind == TIMESTAMP_OID for _, kind in columns):
        return sql
    chosen = ", ".join(f'"{name}"::long "{name}"' if kind == TIMESTAMP_OID else f'"{name}"' for name, kind in columns)
    return f"SELECT {chosen} FROM ({sql})"
