"""Questions over HTTP: does the server answer, and has it stopped applying the rows of a table."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from dataflows.sinks.errors import StoreUnavailable
from schema.questdb import NOT_STARTED, Address


def suspended(address: Address, table: str, reason: str) -> StoreUnavailable:
    """Return the error that says what to do about a suspended table."""
    return StoreUnavailable(
        f"store {address}: table {table} is suspended ({reason or 'see its log'}): the server takes rows and doesn't "
        f'apply them; remove the cause, then run: ALTER TABLE "{table}" RESUME WAL'
    )


def check_answers(address: Address, patience: float) -> None:
    """Raise StoreUnavailable where nothing answers over HTTP, which is how rows are written."""
    try:
        _asked(address, "SELECT 1", patience)
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise StoreUnavailable(
            f"store {address}: no answer over HTTP at port {address.http}: {error or type(error).__name__}; "
            f"{NOT_STARTED}"
        ) from error


def check_not_suspended(address: Address, tables: Collection[str]) -> None:
    """Ask over HTTP, as the helper has no other client. Raises StoreUnavailable; a server that is away says nothing."""
    try:
        rows = _asked(address, "SELECT name, errorMessage FROM wal_tables() WHERE suspended", 2.0)
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return
    for name, reason in rows:
        if name in tables:
            raise suspended(address, name, reason)


def _asked(address: Address, sql: str, patience: float) -> list[list[Any]]:
    connection = http.client.HTTPConnection(address.host, address.http, timeout=patience)
    try:
        login = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
        connection.request("GET", f"/exec?query={quote(sql)}", headers={"Authorization": f"Basic {login}"})
        answer: list[list[Any]] = json.loads(connection.getresponse().read())["dataset"]
        return answer
    finally:
        connection.close()
