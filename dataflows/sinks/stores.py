"""Open a store by its URL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from dataflows.interfaces import Store
from dataflows.sinks.errors import StoreMismatch
from dataflows.sinks.memory import MemoryStore
from dataflows.sinks.null import NullStore
from dataflows.sinks.sqlite import SqliteStore
from dataflows.sinks.state import SinkState
from schema.stores import sqlite_path

if TYPE_CHECKING:
    from dataflows.sinks.questdb.options import QuestDbOptions


class OpenedStore(Store, Protocol):
    """A store with the namespace's own values (catalogue, status) beside its tables."""

    def sync(self) -> None:
        """Wait until all rows are durable here, whatever else they go to. Raises what kept them from being so."""
        ...

    def put_meta(self, name: str, value: str) -> None:
        """Queue one value; it becomes durable with the next commit."""
        ...

    def get_meta(self, name: str) -> str | None:
        """Return one durable value."""
        ...

    def last_committed(self) -> int:
        """Return the newest batch number in the store, from whichever run wrote it; 0 if none did."""
        ...

    def state(self) -> SinkState:
        """Return how the store is doing; costs nothing."""
        ...


def open_store(
    url: str, namespace: str = "live", feature_names: Sequence[str] = (), questdb: QuestDbOptions | None = None,
    writer: str = "",
) -> OpenedStore:  # fmt: skip
    """Open `sqlite:///path`, `questdb://host:port`, `memory:` or `null:` for writing.

    `feature_names` are the columns of the table `features`; `questdb` is for the store of that name; `writer` names
    one of several processes that share the namespace. Raises StoreError (its `exit_code` says which kind), ValueError
    for a namespace that is none.
    """
    if url.startswith("sqlite:"):
        return SqliteStore(sqlite_path(url), namespace, feature_names, writer=writer)
    if url.startswith("questdb:"):
        from dataflows.sinks.questdb.store import QuestDbStore

        return QuestDbStore(url, namespace, feature_names, questdb, writer)
    if url == "memory:":
        return MemoryStore(namespace, feature_names, writer)
    if url == "null:":
        return NullStore()
    raise StoreMismatch(
        f"store URL {url!r} is not understood; expected sqlite:///path, questdb://host:port, memory: or null:"
    )
