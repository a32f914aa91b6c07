"""QuestDB: the store. Rows come in over HTTP, queries over HTTP and PostgreSQL's protocol."""

from __future__ import annotations

import json
import urllib.request
from typing import Final

from ops.local import jars
from ops.local.programs import find_java
from ops.local.server import HOST, Server

# The server reserves a page of each column of each open table: with its own 16 MB (1 MB in the write-ahead log) a row
# of features takes 12 GB of disk before the second one comes, and each test's tables 1 GB. Seen: 51 GB in a minute.
COLUMN_PAGES: Final = {
    "cairo.writer.data.append.page.size": "256k",
    "cairo.wal.writer.data.append.page.size": "64k",
    "cairo.writer.data.index.value.append.page.size": "256k",  # of each symbol column
    "cairo.o3.column.memory.size": "256k",
}

# It keeps what it opened for minutes: about 400 files a namespace of our tables, until there are no more to be had
# (20,000 on some machines), and then it answers nobody. Seen: one test session.
IDLE_FILES: Final = {
    "cairo.idle.check.interval": "5000",  # ms
    "cairo.inactive.reader.ttl": "10000",
    "cairo.inactive.writer.ttl": "10000",
    "cairo.wal.inactive.writer.ttl": "10000",
}

# A worker without work looks for some 7,000 times, yielding, before it sleeps for the first time. That suits a machine
# of its own; beside a dataflow the workers took a third of two cores at 40 commits a second, nearly all of it in
# sched_yield. These sleep soon: 1 ms at a time, then 10.
POLITE_WORKERS: Final = {
    f"{pool}.worker.{what}.threshold": times
    for pool in ("shared", "wal.apply")
    for what, times in (("yield", "10"), ("nap", "50"), ("sleep", "200"))
}


class QuestDb(Server):
    """`ports`: http (ingestion, queries, console), pg (queries), ilp (ingestion over TCP)."""

    name = "questdb"
    heap_mb = 1024

    @property
    def address(self) -> str:
        """Setting store.url."""
        pg = self.ports["pg"]
        return f"questdb://{HOST}:{self.ports['http']}" + (f"?pg={pg}" if pg != 8812 else "")

    def need(self) -> None:
        """Java, and its jars or Maven."""
        jars.need()

    def prepare(self) -> list[str]:
        """Write conf/server.conf and conf/log.conf."""
        java, programs = find_java(), jars.fetch()
        values = {
            "http.bind.to": f"{HOST}:{self.ports['http']}",
            "http.min.enabled": "false",
            "pg.net.bind.to": f"{HOST}:{self.ports['pg']}",
            "line.tcp.net.bind.to": f"{HOST}:{self.ports['ilp']}",
            "telemetry.enabled": "false",  # it would call home
            **COLUMN_PAGES,
            **IDLE_FILES,
            **POLITE_WORKERS,
            **self.options,
        }
        conf = self.folder / "conf"
        conf.mkdir(exist_ok=True)
        (conf / "server.conf").write_text("".join(f"{k}={v}\n" for k, v in values.items()), encoding="utf-8")
        (conf / "log.conf").write_text(_LOG, encoding="utf-8")
        (jar,) = programs.glob("questdb-*.jar")
        return [
            java, f"-Xmx{self.heap_mb}m", "-XX:+UseParallelGC", f"-XX:ErrorFile={self.folder}/crash.log",
            "-p", str(jar), "-m", "io.questdb/io.questdb.ServerMain", "-d", str(self.folder),
        ]  # fmt: skip

    def ask(self) -> None:
        """SELECT 1, over HTTP and over PostgreSQL's protocol."""
        import psycopg

        with urllib.request.urlopen(f"http://{HOST}:{self.ports['http']}/exec?query=select%201", timeout=3.0) as answer:
            if json.load(answer)["dataset"] != [[1]]:
                raise ValueError("SELECT 1 over HTTP did not answer 1")
        # QuestDB's own defaults: it listens on loopback alone
        with psycopg.connect(
            host=HOST, port=self.ports["pg"], user="admin", password="quest", dbname="qdb", connect_timeout=3
        ) as connection:
            if connection.execute("SELECT 1").fetchall() != [(1,)]:
                raise ValueError("SELECT 1 over PostgreSQL's protocol did not answer 1")


_LOG = """# Errors, criticals and advisories; INFO would be a line a query.
writers=stdout
w.stdout.class=io.questdb.log.LogConsoleWriter
w.stdout.level=ERROR
"""
