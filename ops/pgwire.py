"""A connection to QuestDB over pgwire that gives up on a server that keeps silent: libpq itself never does."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import errors, generators, pq

from schema.questdb import Address

SILENCE_S: Final = 60.0  # without an answer, or from one row to the next


class Patient(psycopg.Connection[Any]):
    """Waits `silence_s` for each answer, then drops the connection and raises psycopg.OperationalError."""

    silence_s = SILENCE_S

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Wait as psycopg does, but not for ever."""
        try:
            return super().wait(*arguments, **{"timeout": self.silence_s, **options})
        except errors._WaitTimeout:
            self.pgconn.finish()  # nothing is sent to cancel: there is nobody to answer
            raise psycopg.OperationalError(f"it kept silent for {self.silence_s:g} s") from None


class Describing:
    """What `schema.questdb.prepared` asks of a connection, waited for as `Patient` waits; libpq's own calls block."""

    def __init__(self, connection: Patient) -> None:
        """Ask over `connection`."""
        self._connection = connection
        self.pgconn = self

    def prepare(self, name: bytes, command: bytes) -> Any:
        """Prepare a statement. Raises psycopg.Error where the server refuses it."""
        self._connection.pgconn.send_prepare(name, command)
        return self._answer()

    def describe_prepared(self, name: bytes) -> Any:
        """Return what a prepared query gives. Raises psycopg.Error where the server doesn't say."""
        self._connection.pgconn.send_describe_prepared(name)
        answer = self._answer()
        if not answer.nfields:  # without types, times would be taken as they come: as datetimes of microseconds
            raise psycopg.OperationalError("the server did not say which columns a query gives")
        return answer

    def _answer(self) -> Any:
        answer = self._connection.wait(generators.execute(self._connection.pgconn))[-1]
        if answer.status != pq.ExecStatus.COMMAND_OK:
            raise errors.error_from_result(answer)
        return answer


def connected(address: Address, patience: float, silence_s: float = SILENCE_S) -> Patient:
    """Connect, within `patience` seconds. Raises psycopg.Error."""
    found = Patient.connect(
        host=address.host, port=address.pg, user=address.user, password=address.password, dbname="qdb",
        autocommit=True, connect_timeout=max(int(patience), 2), tcp_user_timeout=int(patience * 1000),
    )  # fmt: skip
    found.silence_s = silence_s
    return found
