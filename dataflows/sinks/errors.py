"""What a store raises. The exit code of the process follows from the class."""

from __future__ import annotations

import sqlite3
from typing import Final


class StoreError(RuntimeError):
    """A store that can't do what was asked; the text says where, what was found and what to do."""

    exit_code = 1


class StoreUnavailable(StoreError):
    """The store is locked, full, gone or written by another process: the same call may succeed later."""

    exit_code = 75


class StoreMismatch(StoreError):
    """The store is of another schema version, or no store at all: trying again doesn't help."""

    exit_code = 78


_WHAT_TO_DO: Final = {
    sqlite3.SQLITE_FULL: "the disk or the file's size limit is full; make room",
    sqlite3.SQLITE_BUSY: "another process holds a lock on it; end that process or its transaction",
    sqlite3.SQLITE_LOCKED: "another connection of this process holds a lock on it; end its transaction",
    sqlite3.SQLITE_READONLY: "the file or its folder can't be written; check owner, mode and mount",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened or made; check that its folder exists and can be written",
    sqlite3.SQLITE_IOERR: "the disk doesn't answer as it should; check the disk and its free space",
}
_BROKEN: Final = {
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database; name another one",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it, or name another one and replay into it",
}


def explain(error: Exception, place: str) -> StoreError:
    """Say of a database error where it happened and what to do.

    Nothing unacknowledged is lost: the run can be resumed from its last checkpoint.
    """
    if isinstance(error, StoreError):
        return error
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _WHAT_TO_DO:
        return StoreUnavailable(f"store {place}: {error}: {_WHAT_TO_DO[code]}, then resume")
    if code in _BROKEN:
        return StoreMismatch(f"store {place}: {error}: {_BROKEN[code]}")
    return StoreError(f"store {place}: {type(error).__name__}: {error}")
