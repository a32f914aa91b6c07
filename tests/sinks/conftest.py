"""Every store behind one fixture."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dataflows.sinks.questdb.options import QuestDbOptions
from dataflows.sinks.stores import OpenedStore, open_store

FEATURES = ("ema_8", "rsi_14")


def questdb_url(server: Any) -> str:
    """Name a server of `tests.servers` with both its ports."""
    return f"{server.url}?pg={server.pg}"


def new_namespace() -> str:
    """Return a namespace that no other test has: the tests share a server."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["sqlite", "memory", "questdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenedStore]:
    """A store that keeps what it is given."""
    if request.param == "questdb":
        server, options = request.getfixturevalue("questdb"), QuestDbOptions(tmp_path / "spool")
        opened = open_store(questdb_url(server), new_namespace(), FEATURES, options)
    else:
        url = {"sqlite": f"sqlite:///{tmp_path}/store.db", "memory": "memory:"}[request.param]
        opened = open_store(url, "live", FEATURES)
    yield opened
    opened.close()


@pytest.fixture
def reopen(tmp_path: Path) -> Iterator[Callable[..., OpenedStore]]:
    """Open the same SQLite file again and again; the one before is closed first."""
    stores: list[OpenedStore] = []

    def opener(namespace: str = "live", features: tuple[str, ...] = FEATURES) -> OpenedStore:
        if stores:
            stores[-1].close()
        stores.append(open_store(f"sqlite:///{tmp_path}/store.db", namespace, features))
        return stores[-1]

    yield opener
    for opened in stores:
        opened.close()
