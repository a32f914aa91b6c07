"""The real servers, and what one dataflow over all of them is given: topics, a namespace, settings, its processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dataflows.kafka.client import Cluster
from dataflows.kafka.topic import create
from schema.stores import of_writer
from tests.recovery.kill_points import FEATURES, FUSED, INFERENCE, Points
from tests.recovery.life import elsewhere, in_a_fork
from tests.servers import Running, running_kafka, running_questdb, running_redis

FAMILIES = "calendar,statistical,cross_asset"
TIMEFRAMES = "1s,10s"
BOUND_MS = 50  # the market sends about one tick in a hundred later than that
PARTITIONS = 4
ONE: Mapping[str, Sequence[int]] = {"whole": (0, 1, 2, 3)}
THREE: Mapping[str, Sequence[int]] = {"left": (0,), "middle": (1, 3), "right": (2,)}


class Role(NamedTuple):
    """One process of a dataflow."""

    name: str
    arguments: tuple[str, ...]  # of `undertone`
    checkpoints: Path
    points: Points  # that it can be killed at


@dataclass(frozen=True, slots=True)
class Stack:
    """Three servers that a test may stop, kill and freeze."""

    kafka: Running
    questdb: Running
    redis: Running
    registry: Path

    @property
    def store_url(self) -> str:
        at = self.questdb.questdb
        return f"{at.url}?pg={at.pg}"


@contextmanager
def running(folder: Path, registry: Path) -> Iterator[Stack]:
    """Start the servers in `folder`; they end with the block."""
    with (
        running_kafka(folder / "kafka") as kafka,
        running_questdb(folder / "questdb") as questdb,
        running_redis(folder / "redis", appendonly="yes", appendfsync="always") as redis,
    ):
        yield Stack(kafka, questdb, redis, registry)


@dataclass(slots=True)
class Site:
    """A dataflow over the stack: its folder's name is its namespace and the end of its topics' names."""

    stack: Stack
    folder: Path
    every_s: float = 0.2  # between checkpoints
    shards: Mapping[str, Sequence[int]] = field(default_factory=dict)  # partitions of each feature process
    generation: int = 0  # of the topic of feature rows

    @property
    def namespace(self) -> str:
        return self.folder.name

    @property
    def topic(self) -> str:
        return f"ticks-{self.namespace}"

    @property
    def rows(self) -> str:
        return f"kafka://{self.stack.kafka.address}/rows-{self.namespace}-{self.generation}"

    def prepare(self) -> None:
        """Make the topic of ticks and write the settings."""
        (self.folder / "var").mkdir(parents=True)
        elsewhere(create, Cluster(self.stack.kafka.address), self.topic, PARTITIONS)
        sections = {
            "bars": {"timeframes": TIMEFRAMES}, "features": {"families": FAMILIES},
            "order": {"bound_ms": BOUND_MS},
            "source": {"url": f"kafka://{self.stack.kafka.address}/{self.topic}"},
            "store": {
                "url": self.stack.store_url, "namespace": self.namespace, "ticks": True, "features_from_s": 0,
            },
            "bus": {"url": self.stack.redis.address}, "registry": {"root": str(self.stack.registry)},
            "checkpoint": {"every_s": self.every_s}, "metrics": {"port": 0}, "log": {"level": "warning"},
        }  # fmt: skip
        lines = []
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{name} = {_toml(value)}" for name, value in values.items())]
        (self.folder / "undertone.toml").write_text("\n".join(lines) + "\n")

    def roles(self) -> list[Role]:
        """Return the processes: one that does everything, or feature processes and the one behind them."""
        if not self.shards:
            return [Role("fused", ("run", "--json"), self._checkpoints(""), FUSED)]
        shared = ("run", "--json", "--set", f"split.shards={','.join(self.shards)}", "--set", f"split.url={self.rows}")
        features = [
            Role(
                name,
                (*shared, "--topology", "features", "--shard", name,
                 "--set", f"source.partitions={','.join(map(str, partitions))}"),
                self._checkpoints(name), FEATURES,
            )
            for name, partitions in self.shards.items()
        ]  # fmt: skip
        return [*features, Role("inference", (*shared, "--topology", "inference"), self._checkpoints(""), INFERENCE)]

    def rescale(self, shards: Mapping[str, Sequence[int]]) -> None:
        """Deal the state of the feature processes to others, by the command; all are stopped."""
        old = ("--set", f"split.shards={','.join(self.shards)}", "--set", f"split.url={self.rows}")
        generation, self.generation = self.generation, self.generation + 1
        shares = [f"{name}={','.join(map(str, partitions))}" for name, partitions in shards.items()]
        arguments = ["recovery", "rescale", *shares, "--rows", self.rows, "--json", *old]
        code = in_a_fork(self.folder, arguments, "rescale-")
        if code:
            self.generation = generation
            raise AssertionError(
                f"rescale ended with {code}: {(self.folder / 'rescale-errors.txt').read_text()[-3000:]}"
            )
        self.shards = dict(shards)

    def _checkpoints(self, writer: str) -> Path:
        return self.folder / "var" / "checkpoints" / of_writer(self.namespace, writer)


def _toml(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else str(value)
        if isinstance(value, int | float)
        else f'"{value}"'
    )
