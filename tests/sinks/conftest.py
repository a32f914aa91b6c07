"""Every store behind one fixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataflows.sinks.stores import OpenedStore, open_store

FEATURES = ("ema_8", "rsi_14")


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenedStore]:
    """A store that keeps what it is given."""
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
