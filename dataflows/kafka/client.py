"""Clients of Kafka: what they are told, and the errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from ops.errors import DependencyAway
from ops.settings import Settings

AWAY: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
    }
)

# librdkafka waits a minute for the answer on a connection that is half open, and 10 s before it connects again
_PATIENCE: Final = {"socket.timeout.ms": 10_000, "reconnect.backoff.max.ms": 2_000}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which brokers to ask, with which options, and how long to wait for them at a start."""

    servers: str  # host:port, several separated by commas
    options: dict[str, str] = field(default_factory=dict)  # of librdkafka, e.g. security.protocol
    wait_s: float = 10.0

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return a client's configuration; `more` is written with `_` for `.`. Its log is silent: errors speak."""
        named = {name if callable(value) else name.replace("_", "."): value for name, value in more.items()}
        return {"bootstrap.servers": self.servers, "log_level": 0, **_PATIENCE, **named, **self.options}


def cluster_of(settings: Settings, servers: str) -> Cluster:
    """Return how to reach brokers."""
    return Cluster(servers, options_of(settings.kafka.options), settings.kafka.wait_s)


def options_of(pairs: Sequence[str]) -> dict[str, str]:
    """Read options like `security.protocol=ssl`."""
    return {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}


def explained(error: KafkaException, cluster: Cluster, doing: str) -> Exception:
    """Return what to raise for an error of the client: DependencyAway where a broker doesn't answer, else itself."""
    found: KafkaError = error.args[0]
    if found.code() in AWAY:
        return DependencyAway(
            f"kafka {cluster.servers}: no broker answered within {cluster.wait_s:g} s ({doing}: {found.str()}); start "
            "it (`make up`), correct the address, or wait longer (kafka.wait_s)"
        )
    return DependencyAway(f"kafka {cluster.servers}: {doing} failed: {found.str()} ({found.name()})")
