"""Records of jobs in Redis: of all machines that share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import redis

from models.jobs.record import Job
from models.jobs.records import RecordsAway, Table
from schema.stores import LIVE, bus_name

T = TypeVar("T")

_read = msgspec.json.Decoder(Job).decode


class RedisRecords:
    """Connects when it is first asked; any thread may call.

    Keys: `jobs:records` (id -> JSON), `jobs:open`, `jobs:ended` (by number), `jobs:revisions` (by revision),
    `jobs:keys` (a client's key -> id), `jobs:counters`, `jobs:marks`. A change watches the counters, which every
    change raises.
    """

    def __init__(self, url: str, namespace: str = LIVE) -> None:
        """Connect later."""
        self._client = redis.Redis.from_url(url, socket_timeout=5.0, socket_connect_timeout=5.0)
        self._shown = url.rsplit("@", 1)[-1]
        self._keys = _Keys(namespace)

    def change(self, act: Callable[[Table], T]) -> T:
        """Let `act` read and write as if alone; again where somebody came between."""
        with self._asked(), self._client.pipeline() as opened:
            pipe: Any = opened
            while True:
                try:
                    pipe.watch(self._keys.counters)
                    table = _Table(pipe, self._keys)
                    found = act(table)
                    table.write()
                    return found
                except redis.WatchError:
                    continue

    def get(self, identity: str) -> Job | None:
        """Return a record."""
        with self._asked():
            return _one(self._client.hget(self._keys.records, identity))

    def newest(self, limit: int) -> list[Job]:
        """Return the newest records."""
        with self._asked():
            found: dict[bytes, float] = {}
            for key in (self._keys.open, self._keys.ended):
                rows: Any = self._client.zrevrange(key, 0, limit - 1, withscores=True)
                found |= dict(rows)
            return self._records(sorted(found, key=lambda name: -found[name])[:limit])

    def changed(self, revision: int) -> tuple[int, list[Job]]:
        """Return what was written since."""
        with self._asked():
            rows: Any = self._client.zrangebyscore(self._keys.revisions, f"({revision}", "+inf", withscores=True)
            newest = max([revision, *(int(score) for _, score in rows)])
            return newest, self._records([name for name, _ in rows])

    def marks(self) -> dict[str, str]:
        """Return all marks."""
        with self._asked():
            found: Any = self._client.hgetall(self._keys.marks)
            return {name.decode(): value.decode() for name, value in found.items()}

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _records(self, names: list[bytes]) -> list[Job]:
        found: Any = self._client.hmget(self._keys.records, names) if names else []
        return [_read(record) for record in found if record is not None]

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise RecordsAway(f"jobs in Redis at {self._shown}: {error}; start it, or set jobs.url") from error


class _Keys:
    def __init__(self, namespace: str) -> None:
        self.records, self.open, self.ended, self.revisions, self.keys, self.counters, self.marks = (
            bus_name(f"jobs:{name}", namespace)
            for name in ("records", "open", "ended", "revisions", "keys", "counters", "marks")
        )


class _Table:
    """Reads at once, writes at the end."""

    def __init__(self, pipe: Any, keys: _Keys) -> None:
        self._pipe, self._keys = pipe, keys
        found = pipe.hgetall(keys.counters)
        self._counters = {name.decode(): int(value) for name, value in found.items()}
        self._put: dict[str, Job | None] = {}
        self._marks: dict[str, str] = {}
        self._keyed: dict[str, str] = {}

    def get(self, identity: str) -> Job | None:
        if identity in self._put:
            return self._put[identity]
        return _one(self._pipe.hget(self._keys.records, identity))

    def put(self, job: Job) -> None:
        self._put[job.id] = job
        if job.key:
            self._keyed[job.key] = job.id

    def delete(self, identity: str) -> None:
        job = self.get(identity)
        if job is not None:
            self._put[identity] = None
            if job.key:
                self._keyed[job.key] = ""

    def open(self) -> list[Job]:
        names = [name.decode() for name in self._pipe.zrange(self._keys.open, 0, -1)]
        there = {name: self.get(name) for name in dict.fromkeys((*names, *self._put))}
        return sorted((job for job in there.values() if job is not None and job.is_open), key=lambda job: job.number)

    def ended(self) -> list[str]:
        names = [name.decode() for name in self._pipe.zrange(self._keys.ended, 0, -1)]
        gone = {name for name, job in self._put.items() if job is None or job.is_open}
        new = [name for name, job in self._put.items() if job is not None and not job.is_open and name not in names]
        return [name for name in names if name not in gone] + new

    def keyed(self, key: str) -> Job | None:
        name = self._keyed[key] if key in self._keyed else self._pipe.hget(self._keys.keys, key)
        return self.get(name.decode() if isinstance(name, bytes) else name) if name else None

    def number(self) -> int:
        self._counters["number"] = self._counters.get("number", 0) + 1
        return self._counters["number"]

    def mark(self, name: str) -> str:
        found = self._marks.get(name) or self._pipe.hget(self._keys.marks, name)
        return found.decode() if isinstance(found, bytes) else found or ""

    def set_mark(self, name: str, value: str) -> None:
        self._marks[name] = value

    def write(self) -> None:
        """Send what was put, as one transaction. Raises WatchError where somebody came between."""
        pipe, keys, revision = self._pipe, self._keys, self._counters.get("revision", 0)
        if not (self._put or self._marks):
            pipe.unwatch()
            return
        pipe.multi()
        for name, job in self._put.items():
            revision += 1
            for index in (keys.open, keys.ended, keys.revisions):
                pipe.zrem(index, name)
            if job is None:
                pipe.hdel(keys.records, name)
                continue
            pipe.hset(keys.records, name, msgspec.json.encode(job))
            pipe.zadd(keys.open if job.is_open else keys.ended, {name: job.number})
            pipe.zadd(keys.revisions, {name: revision})
        for key, name in self._keyed.items():
            pipe.hset(keys.keys, key, name) if name else pipe.hdel(keys.keys, key)
        if self._marks:
            pipe.hset(keys.marks, mapping=self._marks)
        counters = {**self._counters, "revision": revision, "changes": self._counters.get("changes", 0) + 1}
        pipe.hset(keys.counters, mapping=counters)
        pipe.execute()


def _one(record: Any) -> Job | None:
    return None if record is None else _read(record)
