"""How topics of Kafka and parts of them are named: URLs, sets of partitions, topics in a namespace."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from schema.stores import LIVE

SCHEME: Final = "kafka://"
MOST_PARTITIONS: Final = 1024
_SERVER = r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}"
_ADDRESS = re.compile(rf"kafka://({_SERVER}(?:,{_SERVER})*)/([A-Za-z0-9._-]{{1,249}})")
_RANGE = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


class KafkaAddress(NamedTuple):
    """Brokers to ask first, and a topic."""

    servers: str  # host:port, several separated by commas
    topic: str


def kafka_address(url: str) -> KafkaAddress:
    """Read `kafka://host:port/topic`; several brokers are separated by commas.

    Raises ValueError, saying what is understood.
    """
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise ValueError(f"Kafka address {url!r} is not understood; expected kafka://host:port/topic")
    return KafkaAddress(found[1], found[2])


def partition_set(text: str) -> tuple[int, ...] | None:
    """Read `all` (None) or partitions like `0-3,5`, rising.

    Raises ValueError, saying what is understood.
    """
    if text == "all":
        return None
    chosen: set[int] = set()
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        low, high = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not 0 <= low <= high < MOST_PARTITIONS or chosen & set(range(low, high + 1)):
            raise ValueError(
                f"partitions {text!r} are not understood; expected `all`, or partitions below {MOST_PARTITIONS} "
                "like 0-3,5, each once"
            )
        chosen.update(range(low, high + 1))
    return tuple(sorted(chosen))


def topic_name(topic: str, namespace: str) -> str:
    """Return what a topic that we write is called in a namespace: its own name in `live`, `replay.bars` elsewhere."""
    return topic if namespace == LIVE else f"{namespace}.{topic}"
