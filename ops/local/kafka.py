"""Kafka: one node, broker and controller in one (KRaft). Topics are never made by asking for them."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid

from ops.errors import CommandFailed
from ops.local import jars
from ops.local.programs import find_java
from ops.local.server import HOST, Server


class Kafka(Server):
    """`ports`: clients, controller (Kafka's own)."""

    name = "kafka"
    heap_mb = 512

    @property
    def address(self) -> str:
        """What clients call bootstrap.servers."""
        return f"{HOST}:{self.ports['clients']}"

    def need(self) -> None:
        """Java, and its jars or Maven."""
        jars.need()

    def prepare(self) -> list[str]:
        """Write server.properties and log4j2.properties; format the storage where it is new."""
        properties, log_settings = self.folder / "server.properties", self.folder / "log4j2.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in self._values().items()), encoding="utf-8")
        log_settings.write_text(_LOG, encoding="utf-8")
        programs = os.pathsep.join(str(jar) for jar in sorted(jars.fetch().glob("*.jar")) if "questdb" not in jar.name)
        java = [find_java(), f"-Dlog4j2.configurationFile={log_settings}", "-cp", programs]
        if not (self.folder / "data" / "meta.properties").exists():
            self._format([*java, "kafka.tools.StorageTool"], str(properties))
        limits = [f"-Xmx{self.heap_mb}m", f"-XX:ErrorFile={self.folder}/crash.log"]
        return [java[0], *limits, *java[1:], "kafka.Kafka", str(properties)]

    def ask(self) -> None:
        """List the topics; a broker that can't be used yet is not among the brokers."""
        from confluent_kafka.admin import AdminClient

        client = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        if not client.list_topics(timeout=3.0).brokers:
            raise ValueError("no broker is registered yet")

    def _values(self) -> dict[str, str]:
        clients, controller = (f"{HOST}:{self.ports[purpose]}" for purpose in ("clients", "controller"))
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{clients},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{clients}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            # one node: inner topics have one copy and few partitions, and a group doesn't wait for more members
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": str(16 * 2**20),  # of the heap; 128 MB by default
            **self.options,
        }

    def _format(self, tool: list[str], properties: str) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            [*tool, "format", f"--cluster-id={cluster}", "-c", properties], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CommandFailed(f"Kafka can't format {self.folder}/data: {(done.stderr or done.stdout).strip()[-500:]}")


_LOG = """status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{ISO8601} %p %c: %m%n
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = stdout
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""
