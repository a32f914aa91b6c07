"""What all tests share: where recorded days are, real servers, and examples that are the same in every run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from dataflows.kernel_cache import forget_stale
from tests.servers import QuestDb, running_kafka, running_questdb, running_redis

# A server of a test lives for seconds: only the quick compiler, which halves what its start costs.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
forget_stale()  # before any kernel is loaded
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Which test ran before in the same process decides nothing: commands configure logs for all of it."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of recorded days that UNDERTONE_DATA names; without it the test is skipped."""
    folder = os.environ.get("UNDERTONE_DATA")
    if not folder:
        pytest.skip("UNDERTONE_DATA is not set: it names the folder of recorded days")
    return Path(folder)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The session's Kafka, as clients call it in bootstrap.servers. Make a topic of your own."""
    with running_kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server.address


@pytest.fixture(scope="session")
def questdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuestDb]:
    """The session's QuestDB. Use a namespace of your own."""
    with running_questdb(tmp_path_factory.mktemp("questdb")) as server:
        yield server.questdb


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The session's Redis, as setting bus.url. Use a database or a prefix of your own."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server.address
