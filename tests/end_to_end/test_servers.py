"""The same ticks into SQLite and into QuestDB and Redis: the same rows, the same certificate, every prediction out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import redis

from dataflows.stored import open_place
from tests.end_to_end.runs import TIMEFRAMES, undertone
from tests.sinks.conftest import new_namespace, questdb_url


def test_questdb_and_redis_get_what_the_embedded_store_gets(
    ticks: Path, registry: Path, tmp_path: Path, questdb: Any, redis_server: str
) -> None:
    server, namespace = questdb_url(questdb), new_namespace()
    shared = ("replay", ticks, "--timeframe", TIMEFRAMES, "--namespace", namespace)
    environ = {"UNDERTONE_REGISTRY__ROOT": str(registry), "UNDERTONE_STORE__FEATURES_FROM_S": "1"}
    embedded = undertone(*shared, "--store", "sqlite:///store.db", folder=tmp_path, **environ)
    servers = undertone(
        *shared, "--store", server, "--bus", redis_server, "--checkpoint-dir", tmp_path / "checkpoints",
        folder=tmp_path, **environ,
    )  # fmt: skip
    assert servers["certificate"] == embedded["certificate"] and servers["predictions"] > 1_000

    answer = undertone(
        "verify", f"sqlite:///{tmp_path}/store.db#{namespace}", f"{server}#{namespace}", folder=tmp_path
    )  # fmt: skip
    assert answer["equal"] and "predictions" in answer["compared"]

    stored = open_place(server, namespace).rows("predictions", ["sequence", "symbol"], order=["sequence"])
    client = redis.Redis.from_url(redis_server)
    entries = client.xrange(f"{namespace}:predictions")
    assert [int(entry.split(b"-")[0]) for entry, _ in entries] == [sequence for sequence, _ in stored]
    newest = json.loads(entries[-1][1][b"message"])
    assert json.loads(client.get(f"{namespace}:prediction:1s:{newest['symbol']}") or b"") == newest
