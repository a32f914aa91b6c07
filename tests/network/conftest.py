"""The servers behind proxies and the model that the tests of a broken network share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.network.live import FAMILIES, Feeder, Live, Servers, proxied_servers
from tests.recovery.inputs import small_model

Start = Callable[..., tuple[Live, Feeder]]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with proxied_servers(tmp_path_factory.mktemp("proxied")) as servers:
        yield servers


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("small"), FAMILIES)


@pytest.fixture
def start(servers: Servers, small: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a flow with settings of its own, and a feed for it."""
    begun: list[Live] = []

    def starter(*more: str) -> tuple[Live, Feeder]:
        live = Live(servers, small, tmp_path, *more)
        begun.append(live)
        return live, Feeder(servers.kafka, live.topic)

    servers.heal()
    yield starter
    for live in begun:
        live.close()
