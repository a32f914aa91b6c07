"""Where records of jobs are, by setting jobs.url."""

from __future__ import annotations

from models.jobs.records import Records
from schema.stores import LIVE, sqlite_path


def open_records(url: str, namespace: str = LIVE) -> Records:
    """Return the records of `sqlite:///path`, or of a namespace of `redis://…`. Nothing is opened yet."""
    if url.startswith("sqlite:"):
        from models.jobs.sqlite import SqliteRecords

        return SqliteRecords(sqlite_path(url))
    from models.jobs.redis import RedisRecords

    return RedisRecords(url, namespace)
